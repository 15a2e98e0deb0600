"""Entra ID: applications, service principals, groups, and the permissions to change them."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.properties import Props, find
from rehearsal.resource_types import Request, ResourceType
from rehearsal.store import RefusedError, Store

APPLICATION, SERVICE_PRINCIPAL, GROUP = (
    f"azuread:index/{name[0].lower()}{name[1:]}:{name}"
    for name in ("Application", "ServicePrincipal", "Group")
)


def caller(store: Store) -> Props:
    found = store.get("/caller")
    return found["inputs"] if found else {}


def may_write(request: Request) -> None:
    """The caller has a Graph permission for the type: for all objects, or for those that it owns."""
    me = caller(request.store)
    mine, every = (f"{PERMISSION[request.type]}.ReadWrite.{what}" for what in ("OwnedBy", "All"))
    has = set(me.get("graph", ()))
    if every in has:
        return
    if mine not in has or (request.get("owners") and me["objectId"] not in request.inputs["owners"]):
        request.refuse("Authorization_RequestDenied", "Insufficient privileges to complete the operation")


def name_is_free(request: Request) -> None:
    for other in request.store.all(request.type) if request.get("preventDuplicateNames") else ():
        if other["id"] != request.id and other["inputs"]["displayName"] == request.inputs["displayName"]:
            request.refuse(
                "DuplicateName", f"an object named {request.inputs['displayName']!r} already exists"
            )


def redirects_are_https(request: Request) -> None:
    for uri in find(request.inputs, "web.redirectUris.*"):
        if not uri.startswith(("https://", "http://localhost")):
            request.refuse("InvalidReplyAddress", f"{uri}: must start with 'HTTPS' or 'http://localhost'")


def roles_are_unique(request: Request) -> None:
    for field in ("id", "value"):
        values = list(find(request.inputs, f"appRoles.*.{field}"))
        if len(values) != len(set(values)):
            request.refuse("DuplicateValue", f"appRoles have the same {field} twice")


def owners_exist(request: Request) -> None:
    for path in ("owners.*", "members.*", "principalObjectId"):
        for id_ in find(request.inputs, path):
            if not principal(request.store, id_):
                request.refuse("Request_ResourceNotFound", f"Resource '{id_}' does not exist")


def principal(store: Store, id_: str) -> bool:
    """Whether an object id belongs to a user, a group, a service principal or a managed identity."""
    if id_ == caller(store).get("objectId") or store.get(f"/groups/{id_}") or store.get(f"/users/{id_}"):
        return True
    if store.get(f"/servicePrincipals/{id_}"):
        return True
    managed = store.all("azure-native:managedidentity:UserAssignedIdentity")
    return any(identity["outputs"]["principalId"] == id_ for identity in managed)


def find_application(request: Request, id_: str) -> dict[str, Any]:
    found = request.store.get(id_)
    if found is None or found["type"] != APPLICATION:
        raise RefusedError("Request_ResourceNotFound", f"Resource '{id_}' does not exist")
    return found


def application_exists(request: Request) -> None:
    find_application(request, request.inputs["applicationId"])


def client_exists(request: Request) -> None:
    """The application exists, and has no other service principal."""
    client = request.inputs["clientId"]
    if not any(o["outputs"]["clientId"] == client for o in request.store.all(APPLICATION)):
        request.refuse(
            "NoBackingApplicationObject", f"The appId '{client}' does not reference a valid application"
        )
    for other in request.store.all(SERVICE_PRINCIPAL):
        if other["id"] != request.id and other["inputs"]["clientId"] == client:
            request.refuse("ServicePrincipalExists", f"The service principal for {client} is already in use")


def end_date_is_allowed(request: Request) -> None:
    """The end date is in the future, and within the tenant's limit of two years."""
    end = end_date(request)
    hours = (end - datetime.now(UTC)).total_seconds() / 3600
    if hours <= 0:
        request.refuse("KeyCredentialsInvalidEndDate", f"{end} is in the past")
    if hours > LONGEST:
        request.refuse("CredentialLifetimeNotAllowed", f"a password may last {LONGEST} hours at most")


def end_date(request: Request) -> datetime:
    """A password's end date. Default: in two years."""
    if end := request.get("endDate"):
        return datetime.fromisoformat(end)
    text = str(request.get("endDateRelative") or "17520h")
    return datetime.now(UTC) + timedelta(hours=float(text.removesuffix("h")))


def role_is_the_resources(request: Request) -> None:
    """The resource's application has the role. The role of zeros is the default access of every application."""
    resource = request.store.get(f"/servicePrincipals/{request.inputs['resourceObjectId']}")
    if resource is None:
        request.refuse(
            "Request_ResourceNotFound", f"Resource '{request.inputs['resourceObjectId']}' does not exist"
        )
        return
    role = request.inputs["appRoleId"]
    applications = [
        o
        for o in request.store.all(APPLICATION)
        if o["outputs"]["clientId"] == resource["inputs"]["clientId"]
    ]
    known = [id_ for o in applications for id_ in find(o["inputs"], "appRoles.*.id")]
    if role.strip("0-") and role not in known:
        request.refuse("Request_BadRequest", "Permission being assigned was not found on application")


# Outputs


def object_id(request: Request) -> str:
    return request.id.split("/")[-1]


def application(request: Request) -> Props:
    found = request.store.get(request.id)
    client = found["outputs"]["clientId"] if found else request.store.ids.guid(request.id, "client")
    return {
        "objectId": object_id(request), "clientId": client, "publisherDomain": "example.org",
        "appRoleIds": {r["value"]: r["id"] for r in request.inputs.get("appRoles") or [] if r.get("value")},
    }  # fmt: skip


def service_principal(request: Request) -> Props:
    for found in request.store.all(APPLICATION):
        if found["outputs"]["clientId"] == request.inputs["clientId"]:
            name, roles = found["inputs"]["displayName"], found["outputs"]["appRoleIds"]
            return {"objectId": object_id(request), "displayName": name, "appRoleIds": roles,
                    "applicationTenantId": caller(request.store).get("tenantId")}  # fmt: skip
    return {"objectId": object_id(request)}


def password(request: Request) -> Props:
    end = f"{end_date(request):%Y-%m-%dT%H:%M:%SZ}"
    return {"keyId": object_id(request), "value": secrets.token_urlsafe(30), "endDate": end}


def with_object_id(request: Request) -> Props:
    return {"objectId": object_id(request)}


LONGEST = 2 * 366 * 24
PERMISSION = {APPLICATION: "Application", SERVICE_PRINCIPAL: "Application", GROUP: "Group"}


def resource_type(path: str, *checks: Any, **how: Any) -> ResourceType:
    return ResourceType(
        id=path, checks=checks, role="", seconds=5, stable=("objectId", "clientId", "appRoleIds"), **how
    )


RESOURCE_TYPES: dict[str, ResourceType] = {
    APPLICATION: resource_type(
        "/applications/{guid}", may_write, name_is_free, redirects_are_https, roles_are_unique, owners_exist,
        outputs=application, replaces=("templateId",)),
    SERVICE_PRINCIPAL: resource_type(
        "/servicePrincipals/{guid}", may_write, client_exists, owners_exist, outputs=service_principal,
        replaces=("clientId",)),
    GROUP: resource_type(
        "/groups/{guid}", may_write, name_is_free, owners_exist, outputs=with_object_id,
        replaces=("mailNickname", "assignableToRole", "types", "behaviors", "provisioningOptions")),
    "azuread:index/applicationPassword:ApplicationPassword": resource_type(
        "{applicationId}/password/{guid}", application_exists, end_date_is_allowed, outputs=password, write_only=("value",),
        replaces=("applicationId", "displayName", "endDate", "endDateRelative", "rotateWhenChanged", "startDate")),
    "azuread:index/appRoleAssignment:AppRoleAssignment": resource_type(
        "/servicePrincipals/{resourceObjectId}/appRoleAssignedTo/{guid}", role_is_the_resources, owners_exist,
        replaces=("appRoleId", "principalObjectId", "resourceObjectId")),
}  # fmt: skip
