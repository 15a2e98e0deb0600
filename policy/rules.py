"""The rules for every resource, by subject. docs/policy-rules.md lists them."""

from collections.abc import Mapping, Sequence

from policy import (
    azure_roles,
    cluster,
    credentials,
    exposure,
    pins,
    protection,
    tags,
    teams,
    tls,
    vault_paths,
)
from policy.rule import AnyRule

SUBJECTS: Mapping[str, Sequence[AnyRule]] = {
    "Data": protection.RULES,
    "TLS": tls.RULES,
    "Secrets and logins": credentials.RULES,
    "Ways in": exposure.RULES,
    "The cluster": cluster.RULES,
    "Versions": pins.RULES,
    "Teams": teams.RULES,
    "Roles in Azure": azure_roles.RULES,
    "Vault": vault_paths.RULES,
    "Tags": tags.RULES,
}
RULES: list[AnyRule] = [rule for rules in SUBJECTS.values() for rule in rules]
