"""Exceptions to the rules in `policy/`, which every preview shows."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from components.config.model import Model, Problem, Rule
from components.config.protection import day

RuleName = Literal[
    "closed-api-server",
    "closed-by-default",
    "closed-database",
    "closed-ports",
    "credentials-expire",
    "database-backups",
    "default-deny",
    "deleted-blobs-kept",
    "encrypted-database",
    "key-vault-kept",
    "lookups-by-team",
    "managed-identities",
    "named-principals",
    "namespace-level",
    "no-default-logins",
    "no-plain-secrets",
    "no-public-blobs",
    "no-secret-cache",
    "no-secret-outputs",
    "no-shared-keys",
    "no-wildcard-rights",
    "one-way-in",
    "pinned-charts",
    "pinned-images",
    "protected-data",
    "requests-and-limit",
    "retained-disks",
    "rights-of-web",
    "secrets-of-teams",
    "subscription-roles",
    "tagged",
    "tls-1.2",
    "tls-on",
    "vault-paths",
    "verified-database",
    "verified-tls",
]
"""The rules of `policy/rules.py` (a test compares the two)."""


class PolicyException(Model):
    """A rule that one resource may violate for some time."""

    rule: RuleName = Field(examples=["one-way-in"])
    """The rule's name, which the refusal shows in brackets."""
    resource: str = Field(pattern=r"^[A-Z]\w* \S+$", examples=["Release chartmuseum"])
    """Type and name of the resource, as the refusal shows them."""
    reason: str = Field(min_length=10, examples=["the old pipeline needs its port until it has moved"])
    """Why, for later readers of the stack file. Every preview shows it."""
    until: Annotated[date, BeforeValidator(day)] = Field(examples=["2026-12-02"])
    """Last day of the exception. After that, the rule counts again."""


class PolicySettings(Model):
    """The rules for all resources (docs/policy-rules.md)."""

    exceptions: tuple[PolicyException, ...] = ()
    """Exceptions, one for each rule and resource."""

    def rules(self) -> Iterable[Rule]:
        return (self._once_each,)

    def _once_each(self) -> Iterator[Problem]:
        pairs = [(one.rule, one.resource) for one in self.exceptions]
        for index, (rule, resource) in enumerate(pairs):
            if (rule, resource) in pairs[:index]:
                yield Problem(f"exceptions[{index}]", f"{resource} has one for {rule} already; keep one")
