"""The platform's Vault, as the vault provider sees it."""

import secrets
from typing import Any

from rehearsal.properties import Props, find
from rehearsal.provider import Provider
from rehearsal.resource_types import Check, Request, ResourceType, rule

INIT = "/namespaces/vault/Job/vault-init"


def unsealed(request: Request) -> bool:
    """Vault is sealed until its init Job has completed."""
    jobs = (o for o in request.store.all("kubernetes:batch/v1:Job") if o["id"].endswith(INIT))
    return any("Complete" in find(job, "outputs.status.conditions.*.type") for job in jobs)


def exists(type_: str, path: str, what: str) -> Check:
    """A check that the object named by an input exists."""
    return rule(
        "404", f"no handler for route: {what} {{!r}} does not exist",
        lambda r: (name for name in find(r.inputs, path)
                   if not any(o["id"].endswith(f"/{name}") for o in r.store.all(type_))))  # fmt: skip


class Vault(Provider):
    """The Vault provider, which connects only to change or read an object."""

    checks = (
        rule("503", "Vault is sealed", lambda r: not unsealed(r)),
        # A fault that a test injects: Vault's policy does not allow the path.
        rule("403", "permission denied: {}", lambda r: r.store.fault(r.id) and r.id.removeprefix("/vault/")),
    )

    def key(self, type_: str, id_: str, context: Any) -> str:  # noqa: ARG002
        return f"/vault/{KINDS[type_]}/{id_}"


def role(request: Request) -> Props:
    return {"roleId": request.store.guid(request.id)}


def secret_id(request: Request) -> Props:
    return {"secretId": secrets.token_hex(16), "accessor": request.id.rpartition("/")[2]}


def accessor(request: Request) -> Props:
    return {"accessor": f"auth_{request.inputs.get('type', 'oidc')}_{request.store.guid(request.id)[:8]}"}


def resource_type(id_: str, *replaces: str, **how: Any) -> ResourceType:
    return ResourceType(
        id=id_, replaces=replaces, role="", seconds=0.5, stable=("accessor", "roleId"), **how
    )  # fmt: skip


APPROLE = "vault:index/authBackend:AuthBackend"
RESOURCE_TYPES: dict[str, ResourceType] = {
    "vault:index/mount:Mount": resource_type("{path}", "type", "namespace", outputs=accessor),
    "vault:index/policy:Policy": resource_type("{name}", "name"),
    APPROLE: resource_type("{path}", "type", outputs=accessor),
    "vault:appRole/authBackendRole:AuthBackendRole": resource_type(
        "auth/{backend}/role/{roleName}", "backend", "roleName", outputs=role,
        checks=(exists(APPROLE, "backend", "auth backend"),)),
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": resource_type(
        "backend={backend}::role={roleName}::accessor={guid}",
        "backend", "roleName", "metadata", "ttl", "cidrLists", "numUses", "secretId", "wrappingTtl",
        outputs=secret_id, write_only=("secretId",),
        checks=(exists("vault:appRole/authBackendRole:AuthBackendRole", "roleName", "role"),)),
}  # fmt: skip
KINDS = dict(zip(RESOURCE_TYPES, ("mounts", "policies", "auth", "roles", "secret-ids"), strict=True))
"""The folders of the types in the store."""
