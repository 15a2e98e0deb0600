"""What Entra ID knows: applications, groups, and who may do what with them."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.resource_types import Call, Kind, Props, RefusedError, find, unknown
from rehearsal.store import Cloud

GRAPH = "00000003-0000-0000-c000-000000000000"
AUDIENCE = "api://AzureADTokenExchange"
APPLICATION, SERVICE_PRINCIPAL, GROUP = (
    f"azuread:index/{name[0].lower()}{name[1:]}:{name}"
    for name in ("Application", "ServicePrincipal", "Group")
)


def caller(cloud: Cloud) -> Props:
    found = cloud.get("/caller")
    return found["inputs"] if found else {}


def may_write(call: Call) -> None:
    """The caller has a Graph permission for it: of all objects, or of those that it owns."""
    me = caller(call.cloud)
    mine, every = (f"{PERMISSION[call.type]}.ReadWrite.{what}" for what in ("OwnedBy", "All"))
    has = set(me.get("graph", ()))
    if every in has:
        return
    if mine not in has or (call.get("owners") and me["objectId"] not in call.inputs["owners"]):
        call.refuse("Authorization_RequestDenied", "Insufficient privileges to complete the operation")


def name_is_free(call: Call) -> None:
    for other in call.cloud.all(call.type) if call.get("preventDuplicateNames") else ():
        if other["id"] != call.id and other["inputs"]["displayName"] == call.inputs["displayName"]:
            call.refuse("DuplicateName", f"an object named {call.inputs['displayName']!r} already exists")


def redirects_are_https(call: Call) -> None:
    for uri in find(call.inputs, "web.redirectUris.*"):
        if not uri.startswith(("https://", "http://localhost")):
            call.refuse("InvalidReplyAddress", f"{uri}: must start with 'HTTPS' or 'http://localhost'")


def roles_are_unique(call: Call) -> None:
    for field in ("id", "value"):
        values = list(find(call.inputs, f"appRoles.*.{field}"))
        if len(values) != len(set(values)):
            call.refuse("DuplicateValue", f"appRoles have the same {field} twice")


def owners_exist(call: Call) -> None:
    for path in ("owners.*", "members.*", "memberObjectId", "principalObjectId"):
        for id_ in find(call.inputs, path):
            if not principal(call.cloud, id_):
                call.refuse("Request_ResourceNotFound", f"Resource '{id_}' does not exist")


def principal(cloud: Cloud, id_: str) -> bool:
    """Whether an object id is somebody's: a user's, a group's, a program's."""
    if id_ == caller(cloud).get("objectId") or cloud.get(f"/groups/{id_}") or cloud.get(f"/users/{id_}"):
        return True
    if cloud.get(f"/servicePrincipals/{id_}"):
        return True
    managed = cloud.all("azure-native:managedidentity:UserAssignedIdentity")
    return any(identity["outputs"]["principalId"] == id_ for identity in managed)


def application_of(call: Call, id_: str) -> dict[str, Any]:
    found = call.cloud.get(id_)
    if found is None or found["type"] != APPLICATION:
        raise RefusedError("Request_ResourceNotFound", f"Resource '{id_}' does not exist")
    return found


def of_application(call: Call) -> None:
    application_of(call, call.inputs["applicationId"])


def client_exists(call: Call) -> None:
    """One program of an application that exists."""
    client = call.inputs["clientId"]
    if not any(o["outputs"]["clientId"] == client for o in call.cloud.all(APPLICATION)):
        call.refuse(
            "NoBackingApplicationObject", f"The appId '{client}' does not reference a valid application"
        )
    for other in call.cloud.all(SERVICE_PRINCIPAL):
        if other["id"] != call.id and other["inputs"]["clientId"] == client:
            call.refuse("ServicePrincipalExists", f"The service principal for {client} is already in use")


def ends_in_time(call: Call) -> None:
    """A password lasts two years at most where the tenant says so, and ends after it starts."""
    end = ending(call)
    hours = (end - datetime.now(UTC)).total_seconds() / 3600
    if hours <= 0:
        call.refuse("KeyCredentialsInvalidEndDate", f"{end} is in the past")
    if hours > LONGEST:
        call.refuse("CredentialLifetimeNotAllowed", f"a password may last {LONGEST} hours at most")


def ending(call: Call) -> datetime:
    """When a password ends: as it is told to, or in two years."""
    if end := call.get("endDate"):
        return datetime.fromisoformat(end)
    text = str(call.get("endDateRelative") or "17520h")
    return datetime.now(UTC) + timedelta(hours=float(text.removesuffix("h")))


def role_is_the_resources(call: Call) -> None:
    """A role that a program has; zeros are the one that each has."""
    resource = call.cloud.get(f"/servicePrincipals/{call.inputs['resourceObjectId']}")
    if resource is None:
        call.refuse(
            "Request_ResourceNotFound", f"Resource '{call.inputs['resourceObjectId']}' does not exist"
        )
        return
    role = call.inputs["appRoleId"]
    applications = [
        o for o in call.cloud.all(APPLICATION) if o["outputs"]["clientId"] == resource["inputs"]["clientId"]
    ]
    known = [id_ for o in applications for id_ in find(o["inputs"], "appRoles.*.id")]
    if role.strip("0-") and role not in known:
        call.refuse("Request_BadRequest", "Permission being assigned was not found on application")


def grant_is_possible(call: Call) -> None:
    for key in ("servicePrincipalObjectId", "resourceServicePrincipalObjectId"):
        if not call.cloud.get(f"/servicePrincipals/{call.inputs[key]}"):
            call.refuse("Request_ResourceNotFound", f"Resource '{call.inputs[key]}' does not exist")


def credential_is_free(call: Call) -> None:
    of_application(call)
    if call.inputs["audiences"] != [AUDIENCE]:
        call.refuse("InvalidAudience", f"audiences has to be [{AUDIENCE}]")
    for other in call.cloud.all(call.type):
        mine = all(other["inputs"][k] == call.inputs[k] for k in ("applicationId", "issuer", "subject"))
        if mine and other["id"] != call.id:
            call.refuse("FederatedCredentialExists", "FederatedIdentityCredential with name already exists")


# What Entra answers


def object_id(call: Call) -> str:
    return call.id.split("/")[-1]


def application(call: Call) -> Props:
    found = call.cloud.get(call.id)
    client = found["outputs"]["clientId"] if found else call.cloud.stable.guid(call.id, "client")
    return {
        "objectId": object_id(call), "clientId": client, "publisherDomain": "example.org",
        "appRoleIds": {r["value"]: r["id"] for r in call.inputs.get("appRoles") or [] if r.get("value")},
    }  # fmt: skip


def service_principal(call: Call) -> Props:
    for found in call.cloud.all(APPLICATION):
        if found["outputs"]["clientId"] == call.inputs["clientId"]:
            name, roles = found["inputs"]["displayName"], found["outputs"]["appRoleIds"]
            return {"objectId": object_id(call), "displayName": name, "appRoleIds": roles,
                    "applicationTenantId": caller(call.cloud).get("tenantId")}  # fmt: skip
    return {"objectId": object_id(call)}


def password(call: Call) -> Props:
    end = f"{ending(call):%Y-%m-%dT%H:%M:%SZ}"
    return {"keyId": object_id(call), "value": secrets.token_urlsafe(30), "endDate": end}


def with_object_id(call: Call) -> Props:
    return {"objectId": object_id(call)}


def get_group(cloud: Cloud, args: Props) -> Props:
    if unknown(args):
        raise RefusedError("UnknownValue", "called with a value that is not known yet")
    for found in cloud.all():
        own, name = found["id"].removeprefix("/groups/"), found["inputs"].get("displayName")
        fits = own == args.get("objectId") or (name and name == args.get("displayName"))
        if found["id"] == f"/groups/{own}" and fits:
            answer: Props = found["inputs"] | {"id": found["id"], "objectId": own, "securityEnabled": True}
            return answer
    raise RefusedError("GroupNotFound", f"No group found matching {args}")


def get_service_principal(cloud: Cloud, args: Props) -> Props:
    if args.get("clientId") == GRAPH:
        id_ = cloud.stable.guid(GRAPH)
        if cloud.get(f"/servicePrincipals/{id_}") is None:
            cloud.put(f"/servicePrincipals/{id_}", "given", {"clientId": GRAPH}, {})
        scopes = {"User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
                  "openid": "37f7f235-527c-4136-accd-4a02d197296e",
                  "profile": "14dad69e-099b-42c9-810b-d002981feec1",
                  "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0"}  # fmt: skip
        return {"id": f"/servicePrincipals/{id_}", "objectId": id_, "clientId": GRAPH,
                "displayName": "Microsoft Graph", "oauth2PermissionScopeIds": scopes}  # fmt: skip
    for found in cloud.all(SERVICE_PRINCIPAL):
        fields: Props = found["inputs"] | found["outputs"]
        if any(args.get(k) and args[k] == fields.get(k) for k in ("clientId", "objectId", "displayName")):
            return fields | {"id": found["id"]}
    raise RefusedError("ServicePrincipalNotFound", f"No service principal found matching {args}")


def client_config(cloud: Cloud, _: Props) -> Props:
    return {"id": "config"} | {k: caller(cloud).get(k) for k in ("clientId", "objectId", "tenantId")}


LONGEST = 2 * 366 * 24
PERMISSION = {APPLICATION: "Application", SERVICE_PRINCIPAL: "Application", GROUP: "Group"}


def kind(path: str, *checks: Any, **how: Any) -> Kind:
    return Kind(
        id=path, checks=checks, role="", seconds=5, stable=("objectId", "clientId", "appRoleIds"), **how
    )


KINDS: dict[str, Kind] = {
    APPLICATION: kind(
        "/applications/{guid}", may_write, name_is_free, redirects_are_https, roles_are_unique, owners_exist,
        outputs=application, replaces=("templateId",)),
    SERVICE_PRINCIPAL: kind(
        "/servicePrincipals/{guid}", may_write, client_exists, owners_exist, outputs=service_principal,
        replaces=("clientId",)),
    GROUP: kind(
        "/groups/{guid}", may_write, name_is_free, owners_exist, outputs=with_object_id,
        replaces=("mailNickname", "assignableToRole", "types", "behaviors", "provisioningOptions")),
    "azuread:index/applicationPassword:ApplicationPassword": kind(
        "{applicationId}/password/{guid}", of_application, ends_in_time, outputs=password, hidden=("value",),
        replaces=("applicationId", "displayName", "endDate", "endDateRelative", "rotateWhenChanged", "startDate")),
    "azuread:index/groupMember:GroupMember": kind(
        "/groups/{groupObjectId}/member/{memberObjectId}", owners_exist,
        replaces=("groupObjectId", "memberObjectId")),
    "azuread:index/appRoleAssignment:AppRoleAssignment": kind(
        "/servicePrincipals/{resourceObjectId}/appRoleAssignedTo/{guid}", role_is_the_resources, owners_exist,
        replaces=("appRoleId", "principalObjectId", "resourceObjectId")),
    "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant": kind(
        "/oauth2PermissionGrants/{guid}", grant_is_possible,
        replaces=("servicePrincipalObjectId", "resourceServicePrincipalObjectId", "userObjectId")),
    "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential": kind(
        "{applicationId}/federatedIdentityCredential/{guid}", credential_is_free,
        replaces=("applicationId", "displayName")),
}  # fmt: skip
INVOKES = {
    "azuread:index/getClientConfig:getClientConfig": client_config,
    "azuread:index/getGroup:getGroup": get_group,
    "azuread:index/getServicePrincipal:getServicePrincipal": get_service_principal,
}
