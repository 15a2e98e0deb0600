"""What a run of the engine did or would do: read from its events, shown as text, JSON or Markdown."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata

from deploy.engine_messages import (
    CANCELLED,
    CANNOT_RUN,
    ENDED_WITH_THE_RUN,
    FROM_PATH,
    ONLY_SUMMARIES,
    UNREACHABLE,
    program_error,
    protected_urn,
    without_colour,
)
from deploy.render import difference, foreseen, rendered

LOSING = {"replace", "delete"}
"""Operations that are always listed one by one."""
NOT_SHOWN = {"same", "read", "refresh", "create-replacement", "delete-replaced", "discard-replaced"}
"""Steps that change nothing or are part of a `replace`."""
MOST = 20
"""Creations or updates that a comment lists one by one."""
LONGEST = 60_000
"""Characters of a comment; GitHub's limit is 65,536 ("body is too long")."""
NOT_REACHED = (
    "the cluster's API server was not reached, so nothing in the cluster was compared: failed Jobs that "
    "would run again and refusals of the API server are missing. Look at your login (kubelogin on PATH) and "
    "at cluster.operatorRanges"
)


@dataclass(frozen=True)
class Change:
    """One resource that changes, and why."""

    urn: str
    operation: str
    diff_keys: tuple[str, ...]
    """The properties that differ; for a replacement, those that force it."""
    protected: bool

    def __str__(self) -> str:
        keys = f" ({', '.join(self.diff_keys)})" if self.diff_keys else ""
        return f"{self.operation} {shortened(self.urn)}{keys}"


def shortened(urn: str) -> str:
    """Type and name of a URN: `Server database`."""
    types, _, name = urn.removeprefix("urn:pulumi:").partition("::")[2].partition("::")[2].rpartition("::")
    return f"{types.rpartition('$')[2].rpartition(':')[2]} {name}"


@dataclass
class Summary:
    """The result of one run."""

    stack: str
    operation: str
    """preview, up, drift or destroy."""
    changes: list[Change] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    """File as `render` writes it → its difference."""
    unchanged: int = 0
    errors: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """URNs with an event of the engine."""
    kept: set[str] = field(default_factory=set)
    """URNs that the engine refused to delete because they are protected."""
    violations: list[str] = field(default_factory=list)
    """Violations of mandatory policies."""
    unchecked: dict[str, dict[str, str]] = field(default_factory=dict)
    """Rule that could not run → resource → the value that it did not know."""
    warnings: dict[str, dict[str, None]] = field(default_factory=dict)
    """Warning of a provider → the resources that it is about."""
    incomplete: list[str] = field(default_factory=list)
    """Why the run did not look at everything."""
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0

    def on_event(self, event: EngineEvent) -> None:
        """Read one event of the engine."""
        # A refresh knows only afterwards what has changed.
        step = event.res_outputs_event if self.operation == "drift" else event.resource_pre_event
        if step:
            self._step(step.metadata)
        elif policy := event.policy_event:
            text, where = without_colour(policy.message), shortened(policy.resource_urn or "")
            if cannot := CANNOT_RUN.search(text):
                self.unchecked.setdefault(cannot[1], {})[where] = cannot[2].strip()
            elif policy.enforcement_level == "mandatory":
                text = text.removeprefix(policy.policy_name).strip()
                self.violations.append(f"{where}: {text} [{policy.policy_name}]")
        elif (said := event.diagnostic_event) and not said.ephemeral:
            urn, text = said.urn or "", without_colour(said.message)
            if said.severity == "error":
                self._error(urn, text)
            elif said.severity == "warning":
                self._warning(urn, text)

    def _step(self, step: StepEventMetadata) -> None:
        operation = OpType(step.op).value
        self.seen.add(step.urn)
        self.unchanged += operation == "same" and exists(step)
        if not changing(step):
            return
        keys = step.keys if operation == "replace" else None
        keys = keys or list(step.detailed_diff or step.diffs or [])
        # An update may remove the protection and the resource at once (`platform:replaceable`).
        # Drift has happened already: nothing is left to refuse.
        states = [state for state in (step.old, step.new) if state]
        protected = operation in LOSING and bool(states) and all(state.protect for state in states)
        shown = tuple(sorted({path for path in keys if not path.startswith("__")}))
        self.changes.append(Change(step.urn, operation, shown, protected and self.operation != "drift"))
        old, new = step.old and step.old.inputs, step.new and step.new.inputs
        new = None if operation == "delete" else foreseen(old, new)
        before, after = ([{"type": step.type, "inputs": inputs}] if inputs else [] for inputs in (old, new))
        self.values |= difference(rendered(before), rendered(after))

    def _warning(self, urn: str, message: str) -> None:
        if UNREACHABLE.fullmatch(message):
            if NOT_REACHED not in self.incomplete:
                self.incomplete.append(NOT_REACHED)
        elif message and not FROM_PATH.fullmatch(message):
            where = shortened(urn) if urn else "the stack"
            self.warnings.setdefault(" ".join(message.split()), {})[where] = None

    def _error(self, urn: str, message: str) -> None:
        if kept := protected_urn(message, urn):
            self.kept.add(kept)
            return
        message = program_error(message)
        if ENDED_WITH_THE_RUN.fullmatch(message):
            return
        if CANCELLED.fullmatch(message):
            urn = ""
            message = "cancelled; finished operations are in the state, and the next run continues from there"
        if message not in ONLY_SUMMARIES and message not in self.errors:
            where = f"{shortened(urn)}: " if urn and not urn.endswith(f"::{self.stack}") else ""
            self.errors.append(where + message)

    def add_release_drift(self, urn: str, texts: Iterable[str]) -> None:
        """Add a Helm release of which somebody changed objects."""
        self.changes.append(Change(urn, "update", tuple(texts), protected=False))
        self.unchanged -= 1

    def add_implied_deletes(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """After the last event, add deletions of the state's `resources` that the engine did not report.

        It deletes what the program no longer declares, and stops at the first protected resource.
        """
        lost = dict.fromkeys(self.kept - {change.urn for change in self.changes}, True)
        if any(change.operation == "delete" for change in self.refused):
            unseen = [r for r in resources if r["urn"] not in self.seen and in_a_cloud(r)]
            lost |= {r["urn"]: bool(r.get("protect")) for r in unseen}
        self.changes += [Change(urn, "delete", (), lost[urn]) for urn in sorted(lost)]

    @property
    def counts(self) -> dict[str, int]:
        """Operation → number of resources, with `same` for those that do not change."""
        return dict(Counter(change.operation for change in self.changes)) | {"same": self.unchanged}

    @property
    def refused(self) -> list[Change]:
        """Changes that would lose a protected resource."""
        return [change for change in self.changes if change.protected]

    def of(self, operation: str) -> list[Change]:
        """The changes of one operation."""
        return [change for change in self.changes if change.operation == operation]

    @property
    def failed(self) -> bool:
        """Whether the run ended, or an update would end, with an error."""
        return bool(self.errors or self.violations or self.refused)

    @property
    def notes(self) -> list[str]:
        """What was not looked at, what rules could not check, and what providers warn of."""
        about = "is not known before the update, which checks it"
        return [
            *(f"incomplete: {why}" for why in self.incomplete),
            *(
                f"not checked: {rule} on {_few(places)}: {places[min(places)]} ({about})"
                for rule, places in sorted(self.unchecked.items())
            ),
            *(f"warning: {_few(places)}: {text}" for text, places in sorted(self.warnings.items())),
        ]

    def as_json(self) -> str:
        """One JSON object."""
        kinds = {"replacements": "replace", "deletions": "delete", "updates": "update"}
        return json.dumps({
            "stack": self.stack,
            "operation": self.operation,
            "changes": self.counts,
            **{
                kind: [
                    {"urn": c.urn, "diffKeys": list(c.diff_keys), "protected": c.protected}
                    for c in self.of(operation)
                ]
                for kind, operation in kinds.items()
            },
            "errors": self.errors,
            "violations": self.violations,
            "notes": self.notes,
            "outputs": self.outputs,
            "seconds": round(self.seconds, 2),
        }, indent=2)  # fmt: skip

    def as_text(self) -> str:
        """Counts, then each change; of a new stack without its creations."""
        counts = ", ".join(f"{number} {operation}" for operation, number in sorted(self.counts.items()))
        shown = [c for c in self.changes if c.operation != "create" or self.unchanged]
        return "\n".join([
            f"{self.operation} {self.stack}: {counts} in {self.seconds:.1f} s",
            *(f"  {change}{', which is protected' if change.protected else ''}" for change in shown),
            *(f"  policy violation: {violation}" for violation in self.violations),
            *(f"  error: {error}" for error in self.errors),
            *(f"  {note}" for note in self.notes),
            *listed(self.outputs),
        ])  # fmt: skip

    def as_markdown(self) -> str:
        """A comment for a pull request."""
        counts = " · ".join(f"**{n}** {op}" for op, n in sorted(self.counts.items()))
        lines = [f"### {self.operation} of `{self.stack}`", "", counts, ""]
        for operation, title in (
            ("replace", "Replaced"), ("delete", "Deleted"), ("update", "Updated"), ("create", "Created"),
        ):  # fmt: skip
            # Sorted, because the order of events varies and comments are compared.
            items = [self._item(change) for change in sorted(self.of(operation), key=_by_protection)]
            if len(items) > MOST and operation not in LOSING:
                items[MOST:] = [f"and {len(items) - MOST} more"]
            lines += _section(title, items)
        if self.refused:
            refusal = (
                "**Refused**: protected resources hold data or are used by others. `up` will exit with 3."
            )
            lines += [refusal, ""]
        lines += _section("Policy violations", self.violations) + _section("Errors", self.errors)
        lines += _section("Notes", self.notes)
        if not self.violations and self.operation != "drift":
            checked = ", as far as this run could check" if self.unchecked or self.incomplete else ""
            lines += [f"No policy of `policy/` is violated{checked}.", ""]
        size, left = len("\n".join(lines)), 0
        for file, text in sorted(self.values.items()) if self.unchanged else ():  # in a new stack all is new
            block = f"<details><summary>{file}</summary>\n\n```diff\n{text.rstrip()}\n```\n</details>\n"
            size += len(block)
            left += size > LONGEST
            lines += [block] if size <= LONGEST else []
        if left:
            lines += [f"{left} more files differ: `python -m deploy render` writes all of them.", ""]
        return "\n".join(lines)

    def _item(self, change: Change) -> str:
        reason = ""
        if change.diff_keys:
            reason = f" because of `{'`, `'.join(change.diff_keys)}`"
        elif change.operation == "delete":
            gone = "it no longer exists" if self.operation == "drift" else "the program no longer declares it"
            reason = f" because {gone}"
        return f"`{shortened(change.urn)}`{reason}{' — **protected**' if change.protected else ''}"


def _by_protection(change: Change) -> tuple[bool, str]:
    return not change.protected, shortened(change.urn)


def _few(places: Iterable[str]) -> str:
    """The first of some resources, and how many more there are."""
    first, *others = sorted(places)
    return f"{first} and {len(others)} more" if others else first


def _section(title: str, items: Iterable[str]) -> list[str]:
    return [f"**{title}**", "", *(f"- {item}" for item in items), ""] if items else []


def in_a_cloud(resource: Mapping[str, Any]) -> bool:
    """Whether a resource exists in a cloud: it is neither a component nor a provider."""
    return bool(resource.get("custom")) and not resource["type"].startswith("pulumi:providers:")


def exists(step: StepEventMetadata) -> bool:
    """Whether a step is about a resource in a cloud."""
    state = step.old or step.new
    return in_a_cloud({"custom": state and state.custom, "type": step.type})


def changing(step: StepEventMetadata) -> bool:
    """Whether a step changes a resource in a cloud and is not part of a `replace`."""
    return exists(step) and OpType(step.op).value not in NOT_SHOWN


def listed(outputs: Mapping[str, Any], indent: int = 2) -> list[str]:
    """Outputs, one a line; a mapping's entries are indented below its name."""
    width, lines = max(map(len, outputs), default=0), []
    for name, value in sorted(outputs.items()):
        if isinstance(value, Mapping) and value:
            lines += [f"{'':{indent}}{name}", *listed(value, indent + 2)]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            lines.append(f"{'':{indent}}{name:<{width}}  {text or 'none'}")
    return lines
