"""The rules inside the program, so that every way to run it has them.

Each registration is checked before the engine gets it. The SDK's own ways do not fit: an error of a transform
is a traceback, and a hook sees only what changes (docs/adr/0016-rules-in-the-program.md).
"""

from collections.abc import Callable
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.settings import get_monitor, is_dry_run

from policy.checker import Checker, Violation
from policy.rule import STACK
from policy.rules import RULES
from policy.stack import Stack

REFUSED = "refused by rules (docs/policy-rules.md):"
"""Begins the error of a run that violates rules; a line for each violation follows."""


def enforce_rules() -> None:
    """Tell the exceptions, and check every resource that the program registers from now on.

    In a preview the program runs to its end and then fails with all violations. In an update it fails before
    the resource that violates a rule, with a RunError, which the engine shows without a traceback.
    """
    stack = Stack.read()
    for told in stack.told:
        pulumi.log.warn(told)
    _intercept(get_monitor(), Enforcement(Checker(RULES, stack)))


def _intercept(monitor: Any, enforcement: "Enforcement") -> None:
    """Put the rules before some calls of the SDK's connection to the engine."""
    checks = {
        "RegisterResource": enforcement.resource,
        "RegisterResourceOutputs": enforcement.outputs,
        "SignalAndWaitForShutdown": enforcement.end,
    }
    for name, check in checks.items():
        # Its class stays: the SDK gives hooks to no other.
        setattr(monitor, name, _after(check, getattr(monitor, name)))


def _after(check: Callable[[Any], None], call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(request: Any) -> Any:
        check(request)
        return call(request)

    return checked


class Enforcement:
    """Collects violations, and ends the program."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.violations: list[Violation] = []

    def resource(self, request: Any) -> None:
        """Check one resource."""
        if not request.custom:
            return
        inputs = MessageToDict(request.object)
        resource = self.checker.resource(
            request.type, request.name, _urn(request), inputs, protect=request.protect
        )
        self.violations += self.checker.violations(resource)
        if not is_dry_run():
            self._refuse()

    def outputs(self, request: Any) -> None:
        """Remember the stack's outputs."""
        if _type(request.urn) == STACK:
            name, outputs = request.urn.rpartition("::")[2], MessageToDict(request.outputs)
            self.checker.resource(STACK, name, request.urn, outputs, protect=False)

    def end(self, _: Any) -> None:
        """After the last resource, check what concerns all of them."""
        self.violations += self.checker.violations_together()
        if is_dry_run():
            for told in self.checker.unchecked():
                pulumi.log.warn(told)
        self._refuse()

    def _refuse(self) -> None:
        if self.violations:
            lines = sorted({f"  {violation}" for violation in self.violations})
            raise pulumi.RunError("\n".join([REFUSED, *lines]))


def _type(urn: str) -> str:
    """The qualified type in a URN: parents' types, joined by `$`."""
    return urn.split("::")[2] if urn.count("::") > 1 else ""


def _urn(request: Any) -> str:
    """The URN that the engine will give a resource."""
    parent = _type(request.parent)
    type_ = request.type if parent in {"", STACK} else f"{parent}${request.type}"
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_}::{request.name}"
