"""Who may do what in Vault. Texts alone: they are put there by the init Job and by Pulumi."""

import json
from collections.abc import Mapping
from pathlib import Path

MOUNT = "secret"
CONCOURSE = "concourse"
SUBTREE = "concourse"
"""Of the mount: what Concourse looks its variables up in."""
USER = "pulumi"
"""The operator's login and policy: what Pulumi does in Vault."""
FREE = (
    "bind_secret_id", "token_period", "token_type", "token_ttl", "token_max_ttl", "token_explicit_max_ttl",
    "token_num_uses", "token_no_default_policy", "token_bound_cidrs", "secret_id_num_uses", "secret_id_ttl",
    "secret_id_bound_cidrs", "local_secret_ids", "alias_metadata",
)  # fmt: skip
"""Parameters of a role that may have any value: none of them gives it a policy."""


def concourse() -> str:
    """What Concourse may do."""
    return (Path(__file__).parent / "files" / "vault" / "concourse.hcl").read_text(encoding="utf-8")


def operator() -> str:
    """What Pulumi may do: keep what `credentials` declares, and never more than that.

    It can write policies, but only with exactly these texts, and give roles no others. So it cannot make
    itself root, and a changed text needs somebody who can (docs/runbooks/vault-operator-policy.md).
    It cannot delete the mount with the secrets.
    """
    rows: list[tuple[str, list[str], Mapping[str, list[object]]]] = [
        (f"sys/mounts/{MOUNT}", ["read", "update"], {}),
        (f"sys/mounts/{MOUNT}/tune", ["update"], {}),
        (f"sys/policies/acl/{USER}", ["read"], {}),
        ("sys/auth/approle", ["sudo", "update", "delete"], {}),
        ("sys/mounts/auth/approle", ["read"], {}),
        ("sys/mounts/auth/approle/tune", ["read", "update"], {}),
        (f"sys/policies/acl/{CONCOURSE}", ["read", "update", "delete"], {"policy": [concourse()]}),
        (
            f"auth/approle/role/{CONCOURSE}",
            ["create", "read", "update", "delete"],
            {"token_policies": [[CONCOURSE]], **{name: [] for name in FREE}},
        ),
        (f"auth/approle/role/{CONCOURSE}/role-id", ["read"], {}),
        (f"auth/approle/role/{CONCOURSE}/secret-id", ["update"], {}),
        (f"auth/approle/role/{CONCOURSE}/secret-id-accessor/lookup", ["update"], {}),
        (f"auth/approle/role/{CONCOURSE}/secret-id-accessor/destroy", ["update"], {}),
    ]
    return "# Made by the platform's program; the init Job compares it.\n" + "\n".join(
        _path(path, capabilities, allowed) for path, capabilities, allowed in rows
    )


def _path(path: str, capabilities: list[str], allowed: Mapping[str, list[object]]) -> str:
    lines = [f'path "{path}" {{', f"  capabilities = {json.dumps(capabilities)}"]
    if allowed:
        inner = [f'    "{name}" = {json.dumps(values)}' for name, values in allowed.items()]
        lines += ["  allowed_parameters = {", *inner, "  }"]
    return "\n".join([*lines, "}", ""])
