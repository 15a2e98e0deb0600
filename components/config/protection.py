"""Exceptions to deletion protection: the only way to delete or replace a protected resource."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from pulumi import ResourceTransformationArgs, ResourceTransformationResult, get_project, get_stack
from pulumi.runtime import register_stack_transformation
from pydantic import BeforeValidator, Field

from components.config.model import Model, Problem, Rule

Urn = Annotated[
    str,
    Field(
        pattern=r"^urn:pulumi:[^:]+::[^:]+::[^ ]+::[^:]+$",
        examples=[
            (
                "urn:pulumi:prod::platform::platform:index:Database"
                "$azure-native:dbforpostgresql:Server::database"
            )
        ],
    ),
]


def day(value: object) -> object:
    """The engine passes a date without quotes as `2026-12-02 00:00:00 +0000 UTC`."""
    return value.removesuffix(" 00:00:00 +0000 UTC") if isinstance(value, str) else value


class Replaceable(Model):
    """A protected resource that may be deleted or replaced."""

    urn: Urn
    """The resource's URN, as shown in the error message of the refused update."""
    reason: str = Field(min_length=10, examples=["moved to a larger server, dump restored on the 20th"])
    """Why the data is no longer needed, for later readers of the stack file."""
    until: Annotated[date, BeforeValidator(day)] = Field(examples=["2026-12-02"])
    """Last day of the exception. After that, every update fails until the entry is removed."""

    def rules(self) -> Iterable[Rule]:
        return (self._not_past,)

    def _not_past(self) -> Iterator[Problem]:
        if self.until < datetime.now(UTC).date():
            text = f"{self.until} is past; remove the entry, or extend it with a new date"
            yield Problem("until", text)


def unprotect(replaceable: Sequence[Replaceable]) -> None:
    """Remove protection from exactly the resources listed in the stack file."""
    named = {one.urn for one in replaceable}

    def transform(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        start, end = f"urn:pulumi:{get_stack()}::{get_project()}::", f"{args.type_}::{args.name}"
        if not any(urn.startswith(start) and urn.endswith((f"${end}", f"::{end}")) for urn in named):
            return None
        args.opts.protect = False
        return ResourceTransformationResult(args.props, args.opts)

    if named:
        register_stack_transformation(transform)
