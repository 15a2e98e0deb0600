"""Who may do what in Vault. Texts alone: they are put there by the init Job and by Pulumi."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

MOUNT = "secret"
CONCOURSE = "concourse"
WRITER = "writer"
"""The two approles, and the policy of each."""
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
Row = tuple[str, list[str], Mapping[str, list[object]]]
"""Path, capabilities, allowed parameters."""


def concourse() -> str:
    """What Concourse may do."""
    return _file(CONCOURSE)


def writer() -> str:
    """What people may do who put secrets there for Concourse."""
    return _file(WRITER)


def _file(name: str) -> str:
    return (Path(__file__).parent / "policies" / f"{name}.hcl").read_text(encoding="utf-8")


def operator() -> str:
    """What Pulumi may do: keep what `credentials` declares, and never more than that.

    It can write policies, but only with exactly these texts, and give roles no others. So it cannot make
    itself root, and a changed text needs somebody who can (docs/runbooks/vault-operator-policy.md).
    It cannot delete the mount with the secrets.
    """
    rows: list[Row] = [
        (f"sys/mounts/{MOUNT}", ["read", "update"], {}),
        (f"sys/mounts/{MOUNT}/tune", ["update"], {}),
        (f"sys/policies/acl/{USER}", ["read"], {}),
        ("sys/auth/approle", ["sudo", "update", "delete"], {}),
        ("sys/mounts/auth/approle", ["read"], {}),
        ("sys/mounts/auth/approle/tune", ["read", "update"], {}),
        *(row for name, text in ((CONCOURSE, concourse()), (WRITER, writer())) for row in _login(name, text)),
    ]
    return "# Made by the platform's program; the init Job compares it.\n" + "\n".join(
        _path(path, capabilities, allowed) for path, capabilities, allowed in rows
    )


def _login(name: str, text: str) -> Iterator[Row]:
    """An approle with one policy, which has one text."""
    role = f"auth/approle/role/{name}"
    yield f"sys/policies/acl/{name}", ["read", "update", "delete"], {"policy": [text]}
    parameters: Mapping[str, list[object]] = {"token_policies": [[name]], **{free: [] for free in FREE}}
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
