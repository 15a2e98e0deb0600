"""Texts of Vault's policies. The init Job and Pulumi write them to Vault."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.config.types import FIRST_EPOCH

MOUNT = "secret"
CONCOURSE = "concourse"
WRITER = "writer"
"""Names of the two approles and of their policies."""
SUBTREE = "concourse"
"""Path in the mount below which Concourse looks up variables."""
PULUMI = "pulumi"
"""Name of Pulumi's policy, and of its login of the first month."""
LOGINS = tuple(f"{PULUMI}-{month:02}" for month in range(1, 13))
"""Pulumi's logins of later months: one name for each month of a year. A wildcard would open more."""
LOGIN_TTL = "2h"
"""TTL of a token of Pulumi's login: longer than an update of the whole platform."""
UNRESTRICTED = (
    "bind_secret_id", "token_period", "token_type", "token_ttl", "token_max_ttl", "token_explicit_max_ttl",
    "token_num_uses", "token_no_default_policy", "token_bound_cidrs", "secret_id_num_uses", "secret_id_ttl",
    "secret_id_bound_cidrs", "local_secret_ids", "alias_metadata",
)  # fmt: skip
"""Parameters of an approle that may have any value: none of them grants a policy."""
GENERATE_ROOT = ("sys/generate-root/attempt", "sys/generate-root/update")
"""Where Vault makes a root token from the recovery keys. Since 2.0 only for a token that may ask (ADR 13)."""
LOGIN: Mapping[str, list[object]] = {
    "password": [],
    "token_policies": [[PULUMI]],
    "token_ttl": [LOGIN_TTL],
    "token_max_ttl": [LOGIN_TTL],
}
"""Parameters of Pulumi's logins. Any other would need a person with a root token."""
PathRule = tuple[str, list[str], Mapping[str, list[object]]]
"""Path, capabilities and allowed parameters."""


def login_of(epoch: str) -> str:
    """Name of Pulumi's login of a month."""
    return PULUMI if epoch == FIRST_EPOCH else f"{PULUMI}-{epoch[-2:]}"


def concourse() -> str:
    """Policy of Concourse."""
    return _file(CONCOURSE)


def writer() -> str:
    """Policy of the operators who write secrets for Concourse."""
    return _file(WRITER)


def _file(name: str) -> str:
    return (Path(__file__).parent / "policies" / f"{name}.hcl").read_text(encoding="utf-8")


def operator() -> str:
    """Policy of Pulumi, which manages the resources in `approles` and nothing else.

    It may write only policies with exactly these texts, and assign only these to approles. So Pulumi cannot
    become root, and a changed text needs an administrator (docs/runbooks/vault-operator-policy.md), who
    makes a root token with this login and three recovery keys. It may not delete the mount with the secrets.

    It may create and delete its own logins of other months, with this policy alone, to rotate them.
    """
    rows: list[PathRule] = [
        (f"sys/mounts/{MOUNT}", ["read", "update"], {}),
        (f"sys/mounts/{MOUNT}/tune", ["update"], {}),
        (f"sys/policies/acl/{PULUMI}", ["read"], {}),
        ("sys/auth/approle", ["sudo", "update", "delete"], {}),
        ("sys/mounts/auth/approle", ["read"], {}),
        ("sys/mounts/auth/approle/tune", ["read", "update"], {}),
        ("auth/userpass/users", ["list"], {}),
        (f"auth/userpass/users/{PULUMI}", ["delete"], {}),
        *((f"auth/userpass/users/{user}", ["create", "update", "delete"], LOGIN) for user in LOGINS),
        # `sudo`, because Vault's documentation does not say whether 2.0 requires it.
        *((path, ["create", "read", "update", "delete", "sudo"], {}) for path in GENERATE_ROOT),
        *(row for name, text in ((CONCOURSE, concourse()), (WRITER, writer())) for row in _login(name, text)),
    ]
    return "# Managed by Pulumi. The Job vault-init verifies it.\n" + "\n".join(
        _path(path, capabilities, allowed) for path, capabilities, allowed in rows
    )


def _login(name: str, text: str) -> Iterator[PathRule]:
    """Permissions to manage an approle that has exactly this policy."""
    role = f"auth/approle/role/{name}"
    yield f"sys/policies/acl/{name}", ["read", "update", "delete"], {"policy": [text]}
    parameters: Mapping[str, list[object]] = {
        "token_policies": [[name]],
        **{parameter: [] for parameter in UNRESTRICTED},
    }
    yield role, ["create", "read", "update", "delete"], parameters
    yield f"{role}/role-id", ["read"], {}
    yield f"{role}/secret-id", ["update"], {}
    yield f"{role}/secret-id-accessor/lookup", ["update"], {}
    yield f"{role}/secret-id-accessor/destroy", ["update"], {}


def _path(path: str, capabilities: list[str], allowed: Mapping[str, list[object]]) -> str:
    lines = [f'path "{path}" {{', f"  capabilities = {json.dumps(capabilities)}"]
    if allowed:
        inner = [f'    "{name}" = {json.dumps(values)}' for name, values in allowed.items()]
        lines += ["  allowed_parameters = {", *inner, "  }"]
    return "\n".join([*lines, "}", ""])
