"""The rules as policies of Pulumi: one for each, and the report of what they could not check."""

from collections.abc import Sequence

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import serialize_properties

from policy.checker import Checker
from policy.rule import STACK, AnyRule, Resource, Rule, StackRule
from policy.stack import Stack

UNCHECKED = "unchecked"
"""The policy that reports which rules could not check which resources. `deploy/summary.py` knows it."""


def policies(rules: Sequence[AnyRule], stack: Stack | None = None) -> list[Policy]:
    """The policies of a pack."""
    checker = Checker(rules, stack or Stack.read())
    found = [_of_each(rule, checker) for rule in rules if isinstance(rule, Rule)]
    together = [_of_all(rule, checker) for rule in rules if isinstance(rule, StackRule)]

    def tell(_: StackValidationArgs, report: ReportViolation) -> None:
        for text in checker.unchecked():
            report(text, None)
        checker.seen.clear()

    return [
        *found,
        *together,
        StackValidationPolicy(
            name=UNCHECKED,
            description="Rules that this preview could not check; the update checks them.",
            validate=tell,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
    ]


def _read(args: ResourceValidationArgs, checker: Checker) -> Resource:
    inputs = serialize_properties(args.props)
    return checker.resource(
        args.resource_type, args.name, args.urn, inputs, protect=bool(args.opts and args.opts.protect)
    )


def _of_each(rule: Rule, checker: Checker) -> Policy:
    def remember(args: ResourceValidationArgs) -> None:
        _read(args, checker)

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = checker.seen.get(args.urn) or _read(args, checker)
        for violation in checker.count(rule, rule.on(resource)):
            report(violation.text, args.urn)

    # The engine asks for remediations of a resource first, and only they see which inputs are secret.
    first = next(each for each in checker.rules if isinstance(each, Rule)) is rule
    return ResourceValidationPolicy(
        name=rule.name,
        description=f"{rule.demands} {rule.why}",
        validate=validate,
        remediate=remember if first else None,
        enforcement_level=EnforcementLevel.REMEDIATE if first else EnforcementLevel.MANDATORY,
    )


def _of_all(rule: StackRule, checker: Checker) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for each in args.resources:
            if each.resource_type == STACK:
                checker.resource(STACK, each.name, each.urn, serialize_properties(each.props), protect=False)
        for found in rule.among(list(checker.seen.values())):
            for violation in checker.count(rule, found):
                report(violation.text, found.resource.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=f"{rule.demands} {rule.why}",
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )
