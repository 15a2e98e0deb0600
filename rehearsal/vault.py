"""What the platform's Vault knows once it is initialised, and how the vault provider asks it."""

import secrets
from typing import Any

from rehearsal.provider import Provider
from rehearsal.resource_types import Call, Kind, Props, find

INIT = "/namespaces/vault/Job/vault-init"


def unsealed(call: Call) -> None:
    """Vault answers nothing before its init Job has run."""
    for job in call.cloud.all("kubernetes:batch/v1:Job"):
        conditions = find(job["outputs"], "status.conditions.*.type")
        if job["id"].endswith(INIT) and "Complete" in conditions:
            return
    call.refuse("503", "Vault is sealed")


def allowed(call: Call) -> None:
    """Paths outside of the operator's policy are forbidden; which, a fault says."""
    if call.cloud.fault(call.id):
        call.refuse("403", f"permission denied: {call.id.removeprefix('/vault/')}")


def of(type_: str, path: str, what: str) -> Any:
    """A check that the object which an input names exists."""

    def check(call: Call) -> None:
        for name in find(call.inputs, path):
            if not any(o["id"].rpartition("/")[2] == str(name) for o in call.cloud.all(type_)):
                call.refuse("404", f"no handler for route: {what} {name!r} does not exist")

    return check


class Vault(Provider):
    """The server at the provider's address. It is asked only when something is changed or read."""

    always = (unsealed, allowed)


def role(call: Call) -> Props:
    return {"roleId": call.cloud.stable.guid(call.id)}


def secret_id(call: Call) -> Props:
    return {"secretId": secrets.token_hex(16), "accessor": call.id.rpartition("/")[2]}


def accessor(call: Call) -> Props:
    return {"accessor": f"auth_{call.inputs.get('type', 'oidc')}_{call.cloud.stable.guid(call.id)[:8]}"}


def kind(prefix: str, id_: str, *replaces: str, **how: Any) -> Kind:
    stable = ("accessor", "roleId")
    return Kind(
        prefix=f"/vault/{prefix}/", id=id_, replaces=replaces, role="", seconds=0.5, stable=stable, **how
    )


APPROLE = "vault:index/authBackend:AuthBackend"
KINDS: dict[str, Kind] = {
    "vault:index/mount:Mount": kind("mounts", "{path}", "type", "namespace", outputs=accessor),
    "vault:index/policy:Policy": kind("policies", "{name}", "name"),
    APPROLE: kind("auth", "{path}", "type", outputs=accessor),
    "vault:appRole/authBackendRole:AuthBackendRole": kind(
        "roles", "auth/{backend}/role/{roleName}", "backend", "roleName", outputs=role,
        checks=(of(APPROLE, "backend", "auth backend"),)),
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": kind(
        "secret-ids", "backend={backend}::role={roleName}::accessor={guid}",
        "backend", "roleName", "metadata", "ttl", "cidrLists", "numUses", "secretId", "wrappingTtl",
        outputs=secret_id, hidden=("secretId",),
        checks=(of("vault:appRole/authBackendRole:AuthBackendRole", "roleName", "role"),)),
    "vault:jwt/authBackend:AuthBackend": kind("auth", "{path}", "path", "type", "local", outputs=accessor,
                                              hidden=("oidcClientSecret",)),
    "vault:jwt/authBackendRole:AuthBackendRole": kind(
        "roles", "auth/{backend}/role/{roleName}", "backend", "roleName",
        checks=(of("vault:jwt/authBackend:AuthBackend", "backend", "auth backend"),)),
    "vault:identity/group:Group": kind("groups", "{guid}", "type"),
    "vault:identity/groupAlias:GroupAlias": kind("group-aliases", "{guid}"),
    "vault:kv/secretV2:SecretV2": kind(
        "secrets", "{mount}/data/{name}", "mount", "name", hidden=("dataJson",),
        checks=(of("vault:index/mount:Mount", "mount", "mount"),)),
}  # fmt: skip
