"""The platform's Vault, as the vault provider sees it."""

import secrets
from typing import Any

from rehearsal.properties import Props, find
from rehearsal.provider import Provider
from rehearsal.resource_types import Request, ResourceType

INIT = "/namespaces/vault/Job/vault-init"


def unsealed(request: Request) -> None:
    """Vault is sealed until its init Job has completed."""
    for job in request.store.all("kubernetes:batch/v1:Job"):
        conditions = find(job["outputs"], "status.conditions.*.type")
        if job["id"].endswith(INIT) and "Complete" in conditions:
            return
    request.refuse("503", "Vault is sealed")


def allowed(request: Request) -> None:
    """Vault's policy allows the path, unless a fault is injected for it."""
    if request.store.fault(request.id):
        request.refuse("403", f"permission denied: {request.id.removeprefix('/vault/')}")


def exists(type_: str, path: str, what: str) -> Any:
    """A check that the object named by an input exists."""

    def check(request: Request) -> None:
        for name in find(request.inputs, path):
            if not any(o["id"].rpartition("/")[2] == str(name) for o in request.store.all(type_)):
                request.refuse("404", f"no handler for route: {what} {name!r} does not exist")

    return check


class Vault(Provider):
    """The Vault provider, which connects only to change or read an object."""

    checks = (unsealed, allowed)


def role(request: Request) -> Props:
    return {"roleId": request.store.ids.guid(request.id)}


def secret_id(request: Request) -> Props:
    return {"secretId": secrets.token_hex(16), "accessor": request.id.rpartition("/")[2]}


def accessor(request: Request) -> Props:
    return {"accessor": f"auth_{request.inputs.get('type', 'oidc')}_{request.store.ids.guid(request.id)[:8]}"}


def resource_type(prefix: str, id_: str, *replaces: str, **how: Any) -> ResourceType:
    stable = ("accessor", "roleId")
    return ResourceType(
        prefix=f"/vault/{prefix}/", id=id_, replaces=replaces, role="", seconds=0.5, stable=stable, **how
    )


APPROLE = "vault:index/authBackend:AuthBackend"
RESOURCE_TYPES: dict[str, ResourceType] = {
    "vault:index/mount:Mount": resource_type("mounts", "{path}", "type", "namespace", outputs=accessor),
    "vault:index/policy:Policy": resource_type("policies", "{name}", "name"),
    APPROLE: resource_type("auth", "{path}", "type", outputs=accessor),
    "vault:appRole/authBackendRole:AuthBackendRole": resource_type(
        "roles", "auth/{backend}/role/{roleName}", "backend", "roleName", outputs=role,
        checks=(exists(APPROLE, "backend", "auth backend"),)),
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": resource_type(
        "secret-ids", "backend={backend}::role={roleName}::accessor={guid}",
        "backend", "roleName", "metadata", "ttl", "cidrLists", "numUses", "secretId", "wrappingTtl",
        outputs=secret_id, write_only=("secretId",),
        checks=(exists("vault:appRole/authBackendRole:AuthBackendRole", "roleName", "role"),)),
}  # fmt: skip
