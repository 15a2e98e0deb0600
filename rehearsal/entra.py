"""Entra ID: applications, service principals, groups, and the permissions to change them."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.properties import Props, find
from rehearsal.resource_types import Check, Request, ResourceType, rule
from rehearsal.store import Store

APPLICATION, SERVICE_PRINCIPAL, GROUP = (
    f"azuread:index/{name[0].lower()}{name[1:]}:{name}"
    for name in ("Application", "ServicePrincipal", "Group")
)
LONGEST = timedelta(days=2 * 366)
"""The tenant's limit for the lifetime of a password."""


def caller(store: Store) -> Props:
    found = store.get("/caller")
    return found["inputs"] if found else {}


def denied(request: Request, *sufficient: str, owns: Props | None = None) -> bool:
    """Whether the caller has none of these Graph permissions, or one for owners only and does not own `owns`."""
    me = caller(request.store)
    has = {permission for permission in sufficient if permission in me.get("graph", ())}
    only_owned = has and all(permission.endswith("OwnedBy") for permission in has)
    return not has or bool(only_owned and owns and me["objectId"] not in owns["owners"])


def unwritable(request: Request) -> bool:
    """Whether the caller may not write the object. A permission for what it owns does not add owners to it."""
    kind, now = PERMISSION[request.type], request.get("owners")
    found = request.store.get(request.id)
    before = found["outputs"] if found else {"owners": now} if now else None
    if kind == "Group":
        return denied(request, "Group.ReadWrite.All")
    if found and now and set(now) != set(found["outputs"]["owners"]):
        return denied(request, "Application.ReadWrite.All")
    return denied(request, *APPLICATIONS, owns=before)


def unrotatable(request: Request) -> bool:
    """Whether the caller may not give the application a password."""
    found = request.store.get(request.inputs["applicationId"])
    return denied(request, *APPLICATIONS, owns=found["outputs"] if found else None)


APPLICATIONS = ("Application.ReadWrite.All", "Application.ReadWrite.OwnedBy")
ASSIGNMENTS = ("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")


def exists(store: Store, id_: str) -> bool:
    """Whether an object id belongs to a user, a group, a service principal or a managed identity."""
    managed = store.all("azure-native:managedidentity:UserAssignedIdentity")
    return (
        id_ == caller(store).get("objectId")
        or any(store.get(f"/{kind}/{id_}") for kind in ("groups", "users", "servicePrincipals"))
        or any(identity["outputs"]["principalId"] == id_ for identity in managed)
    )


def application_of(store: Store, client: str | None) -> dict[str, Any]:
    """The application with a client id, {} if there is none."""
    return next((o for o in store.all(APPLICATION) if o["outputs"]["clientId"] == client), {})


def end_date(request: Request) -> datetime:
    """A password's end date. Default: in two years."""
    if end := request.get("endDate"):
        return datetime.fromisoformat(end)
    text = str(request.get("endDateRelative") or "17520h")
    return datetime.now(UTC) + timedelta(hours=float(text.removesuffix("h")))


def resource(request: Request) -> dict[str, Any]:
    """The service principal whose app role is assigned, {} if there is none."""
    return request.store.get(f"/servicePrincipals/{request.inputs['resourceObjectId']}") or {}


def missing_role(request: Request) -> str:
    """The assigned role, unless the resource's application has it. Zeros are the default access."""
    application = application_of(request.store, next(find(resource(request), "inputs.clientId"), None))
    role: str = request.inputs["appRoleId"]
    return role if role.strip("0-") and role not in find(application, "inputs.appRoles.*.id") else ""


DENIED = "Insufficient privileges to complete the operation"
WRITABLE, ROTATABLE, ASSIGNABLE = (
    rule("Authorization_RequestDenied", DENIED, broken)
    for broken in (unwritable, unrotatable, lambda r: denied(r, *ASSIGNMENTS))
)
NOT_FOUND = "Resource '{}' does not exist"
NAME_IS_FREE = rule(
    "DuplicateName", "an object with this display name already exists",
    lambda r: r.get("preventDuplicateNames") and r.taken("displayName"))  # fmt: skip
REDIRECTS_ARE_HTTPS = rule(
    "InvalidReplyAddress", "{}: must start with 'HTTPS' or 'http://localhost'",
    lambda r: (uri for uri in find(r.inputs, "web.redirectUris.*")
               if not uri.startswith(("https://", "http://localhost"))))  # fmt: skip
ROLES_ARE_UNIQUE = rule(
    "DuplicateValue", "appRoles have the same {} twice",
    lambda r: (field for field in ("id", "value") for values in [list(find(r.inputs, f"appRoles.*.{field}"))]
               if len(values) != len(set(values))))  # fmt: skip
PRINCIPALS_EXIST = rule(
    "Request_ResourceNotFound", NOT_FOUND,
    lambda r: (id_ for path in ("owners.*", "members.*", "principalObjectId") for id_ in find(r.inputs, path)
               if not exists(r.store, id_)))  # fmt: skip
CLIENT_RULES = (
    rule("NoBackingApplicationObject", "The appId '{}' does not reference a valid application",
         lambda r: not application_of(r.store, r.inputs["clientId"]) and r.inputs["clientId"]),
    rule("Request_MultipleObjectsWithSameKeyValue", "the service principal name is already in use",
         lambda r: r.taken("clientId")),
)  # fmt: skip
PASSWORD_RULES = (
    ROTATABLE,
    rule("CredentialTypeNotAllowedAsPerAppPolicy", "Credential type is not allowed as per assigned policy",
         lambda r: "passwordAddition" in caller(r.store).get("policy", ())),
    rule("Request_ResourceNotFound", NOT_FOUND,
         lambda r: not r.store.get(r.inputs["applicationId"]) and r.inputs["applicationId"]),
    rule("KeyCredentialsInvalidEndDate", "{} is in the past",
         lambda r: end_date(r) <= datetime.now(UTC) and end_date(r)),
    rule("CredentialInvalidLifetimeAsPerAppPolicy", "Credential lifetime exceeds the max value: {}",
         lambda r: end_date(r) - datetime.now(UTC) > LONGEST and LONGEST),
)  # fmt: skip
ASSIGNMENT_RULES = (
    ASSIGNABLE,
    rule("Request_ResourceNotFound", NOT_FOUND, lambda r: not resource(r) and r.inputs["resourceObjectId"]),
    rule("Request_BadRequest", "Permission being assigned was not found on application: {}", missing_role),
)


# Outputs


def application(request: Request) -> Props:
    found = request.store.get(request.id)
    client = found["outputs"]["clientId"] if found else request.store.guid(request.id, "client")
    return {"objectId": request.name, "clientId": client} | owned(request)


def owned(request: Request) -> Props:
    """The object's owners. Graph makes whoever creates it the owner, unless the program names others."""
    found = request.store.get(request.id)
    mine = found["outputs"]["owners"] if found else [caller(request.store).get("objectId")]
    return {"owners": request.get("owners") or mine}


def principal(request: Request) -> Props:
    return with_object_id(request) | owned(request)


def password(request: Request) -> Props:
    end = f"{end_date(request):%Y-%m-%dT%H:%M:%SZ}"
    return {"keyId": request.name, "value": secrets.token_urlsafe(30), "endDate": end}


def with_object_id(request: Request) -> Props:
    return {"objectId": request.name}


PERMISSION = {APPLICATION: "Application", SERVICE_PRINCIPAL: "Application", GROUP: "Group"}


def resource_type(path: str, *checks: Check, **how: Any) -> ResourceType:
    return ResourceType(id=path, checks=checks, role="", seconds=5, stable=("objectId", "clientId"), **how)


RESOURCE_TYPES: dict[str, ResourceType] = {
    APPLICATION: resource_type(
        "/applications/{guid}", WRITABLE, NAME_IS_FREE, REDIRECTS_ARE_HTTPS, ROLES_ARE_UNIQUE, PRINCIPALS_EXIST,
        outputs=application, replaces=("templateId",)),
    SERVICE_PRINCIPAL: resource_type(
        "/servicePrincipals/{guid}", WRITABLE, *CLIENT_RULES, PRINCIPALS_EXIST, outputs=principal,
        replaces=("clientId",)),
    GROUP: resource_type(
        "/groups/{guid}", WRITABLE, NAME_IS_FREE, PRINCIPALS_EXIST, outputs=with_object_id,
        replaces=("mailNickname", "assignableToRole", "types", "behaviors", "provisioningOptions")),
    "azuread:index/applicationPassword:ApplicationPassword": resource_type(
        "{applicationId}/password/{guid}", *PASSWORD_RULES, outputs=password, write_only=("value",),
        replaces=("applicationId", "displayName", "endDate", "endDateRelative", "rotateWhenChanged", "startDate")),
    "azuread:index/appRoleAssignment:AppRoleAssignment": resource_type(
        "/servicePrincipals/{resourceObjectId}/appRoleAssignedTo/{guid}", *ASSIGNMENT_RULES, PRINCIPALS_EXIST,
        replaces=("appRoleId", "principalObjectId", "resourceObjectId")),
}  # fmt: skip
