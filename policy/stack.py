"""What rules need to know of the stack: its protection, and the exceptions in its file."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Self

import pulumi


class ExceptionTo(NamedTuple):
    """One rule that one resource may violate until a day."""

    rule: str
    resource: str
    """Type and name, as a violation shows them: `Release concourse`."""
    reason: str
    until: date

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """An entry of `policy.exceptions`. The engine passes a day as `2026-12-02 00:00:00 +0000 UTC`."""
        until = date.fromisoformat(str(given["until"])[:10])
        return cls(str(given["rule"]), str(given["resource"]), str(given["reason"]), until)

    def told(self, today: date) -> str:
        """One line for previews."""
        ended = " has ended and no longer counts: remove its lines" if self.until < today else ""
        return f"exception to {self.rule} for {self.resource} until {self.until}{ended}: {self.reason}"


class Stack(NamedTuple):
    """The settings of a stack that rules depend on."""

    protected: bool = False
    replaceable: frozenset[str] = frozenset()
    """URNs that `platform:replaceable` allows to lose."""
    test_certificates: bool = False
    """Whether the public certificates are Let's Encrypt's of staging, which nobody trusts."""
    exceptions: tuple[ExceptionTo, ...] = ()
    today: date = date.min

    @classmethod
    def read(cls) -> Self:
        """Those of the stack that runs."""
        config = pulumi.Config("platform")
        given: Iterable[Mapping[str, Any]] = (config.get_object("policy") or {}).get("exceptions") or ()
        return cls(
            bool(config.get_bool("protected")),
            frozenset(one["urn"] for one in config.get_object("replaceable") or ()),
            (config.get_object("certificates") or {}).get("issuer") == "staging",
            tuple(map(ExceptionTo.of, given)),
            datetime.now(UTC).date(),
        )

    def excepts(self, rule: str, resource: str) -> bool:
        """Whether an exception allows a resource to violate a rule today."""
        return any(
            (one.rule, one.resource) == (rule, resource) and one.until >= self.today
            for one in self.exceptions
        )

    @property
    def told(self) -> list[str]:
        """All exceptions, one line each."""
        return [one.told(self.today) for one in self.exceptions]
