"""Applies the rules to the resources of a run, minds exceptions, and keeps what could not be checked."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.proxy import unknown_checking_proxy

from policy.rule import AnyRule, Found, Resource, Rule, StackRule, children
from policy.stack import Stack

UNCHECKED = "could not be checked in this preview: "
"""Begins the warning about a rule that needs a value which only the update knows."""


class Violation(NamedTuple):
    """A violation of a rule by a resource."""

    rule: AnyRule
    resource: Resource
    text: str

    def __str__(self) -> str:
        rule = self.rule
        return f"{self.resource.label}: {rule.demands} {rule.why} {self.text} [{rule.name}]"


class Checker:
    """The rules, for one run of one stack."""

    def __init__(self, rules: Sequence[AnyRule], stack: Stack) -> None:
        self.rules, self.stack = rules, stack
        self.seen: dict[str, Resource] = {}
        """URN → resource."""
        self._unchecked: dict[str, dict[str, str]] = {}

    def resource(
        self, type_: str, name: str, urn: str, inputs: Mapping[str, Any], *, protect: bool
    ) -> Resource:
        """A resource from its inputs as the engine marks them, for rules; and for those about all."""
        plain, secrets = unmarked(inputs)
        made = Resource(
            type_, name, urn, protect, unknown_checking_proxy(plain), frozenset(secrets), self.stack
        )
        self.seen[urn] = made
        return made

    def violations(self, resource: Resource) -> list[Violation]:
        """The violations by one resource."""
        return [
            found
            for rule in self.rules
            if isinstance(rule, Rule)
            for found in self.count(rule, rule.on(resource))
        ]

    def violations_together(self) -> list[Violation]:
        """The violations that show only when all resources are seen."""
        return [
            violation
            for rule in self.rules
            if isinstance(rule, StackRule)
            for found in rule.among(list(self.seen.values()))
            for violation in self.count(rule, found)
        ]

    def count(self, rule: AnyRule, found: Found) -> list[Violation]:
        """What counts of what a rule found: not what an exception allows, nor what is unknown."""
        if self.stack.excepts(rule.name, found.resource.label):
            return []
        if found.unknown:
            self._unchecked.setdefault(rule.name, {})[found.resource.label] = found.unknown[0]
        text = f"{'; '.join(dict.fromkeys(found.violations))}. {rule.comply}"
        return [Violation(rule, found.resource, text)] if found.violations else []

    def unchecked(self) -> list[str]:
        """What was not checked, one line for each rule. Forgets it: an update counts anew."""
        told = [_told(name, places) for name, places in sorted(self._unchecked.items())]
        self._unchecked.clear()
        return told


def _told(rule: str, places: Mapping[str, str]) -> str:
    first, *others = sorted(places)
    more = f" and {len(others)} more" if others else ""
    return f"{UNCHECKED}{rule} on {first} ({places[first]} unknown){more}"


def unmarked(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Inputs without the engine's marks of secrets, and the paths of these."""
    secrets: list[str] = []

    def plain(value: Any, path: str) -> Any:
        while isinstance(value, Mapping) and value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            secrets.append(path)
            value = value.get("value")
        inner = {key: plain(value[key], where) for key, where in children(value, path).items()}
        if isinstance(value, Mapping):
            return inner
        return list(inner.values()) if isinstance(value, list) else value

    return plain(inputs, ""), secrets
