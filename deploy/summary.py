"""What a run of the engine did or would do, read from its events."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata

from deploy.causes import Causes
from deploy.costs.estimate import Estimate
from deploy.costs.parts import billed
from deploy.effects import effects
from deploy.engine_messages import (
    CANCELLED,
    FROM_PATH,
    ONLY_SUMMARIES,
    REFUSED_BY_HOOK,
    RETRIED,
    UNREACHABLE,
    program_error,
    protected_urn,
    without_colour,
)
from deploy.properties import Property, changed
from deploy.remarks import refused_later
from deploy.render import difference, foreseen, rendered
from policy.checker import UNCHECKED
from policy.program import REFUSED

LOSING = {"replace", "delete"}
"""Operations that are always listed one by one."""
PART_OF_REPLACE = {"create-replacement", "delete-replaced", "discard-replaced"}
NOT_SHOWN = {"same", "read", "refresh", *PART_OF_REPLACE}
"""Steps that change nothing or are part of a `replace`."""
FEW = 5
"""Properties of a change up to which its list says as much as a diff of its file."""
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
    properties: tuple[Property, ...] = ()
    effects: tuple[str, ...] = ()
    """What is known of what it does to what runs."""
    known: bool = False
    """Whether that is all it does."""
    files: Mapping[str, str] = field(default_factory=dict)
    """File as `render` writes it → its difference."""

    @property
    def keys(self) -> str:
        """Its properties in brackets, if their values are not listed."""
        return f" ({', '.join(self.diff_keys)})" if self.diff_keys and not self.properties else ""

    @property
    def perhaps(self) -> bool:
        """Whether an update may turn out to be none: no new value is known."""
        return (
            self.operation == "update"
            and bool(self.properties)
            and not any(one.known for one in self.properties)
        )

    @property
    def told(self) -> bool:
        """Whether the properties say all that a diff of the files would."""
        return 0 < len(self.properties) <= FEW and all(one.short for one in self.properties)


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
    unchanged: int = 0
    errors: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """URNs with an event of the engine."""
    kept: set[str] = field(default_factory=set)
    """URNs that the engine refused to delete because they are protected."""
    violations: list[str] = field(default_factory=list)
    """Violations of rules, updates in place that would lose data, and skipped steps of rotations."""
    unchecked: list[str] = field(default_factory=list)
    """Rules that could not check a resource, because a preview does not know a value: one text each."""
    warnings: dict[str, dict[str, None]] = field(default_factory=dict)
    """Warning of a provider or of ours → the resources that it is about."""
    incomplete: list[str] = field(default_factory=list)
    """Why the run did not look at everything."""
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0
    parents: dict[str, str] = field(default_factory=dict)
    """Parent of each URN, components included."""
    bills: tuple[dict[str, Any], dict[str, Any]] = field(default_factory=lambda: ({}, {}))
    """URN → (type, name, inputs) of what may cost something, before and after."""
    region: str = ""
    """Region of prices; empty if there is no estimate."""
    causes: Causes = field(default_factory=Causes)
    about: tuple[tuple[str, str], ...] = ()
    """What a new stack is: (what, value)."""
    retried: dict[str, None] = field(default_factory=dict)
    """Resources that were tried again after a passing error."""

    def on_event(self, event: EngineEvent) -> None:
        """Read one event of the engine."""
        # A refresh knows only afterwards what has changed.
        step = event.res_outputs_event if self.operation == "drift" else event.resource_pre_event
        if step:
            self._step(step.metadata)
        elif (said := event.diagnostic_event) and not said.ephemeral:
            urn, text = said.urn or "", without_colour(said.message)
            if said.severity == "error":
                self._error(urn, text)
            elif said.severity == "warning":
                self._warning(urn, text)

    def _step(self, step: StepEventMetadata) -> None:
        operation = OpType(step.op).value
        self.seen.add(step.urn)
        if step.new:
            self.parents[step.urn] = step.new.parent
        self.unchanged += operation == "same" and exists(step)
        old, new = step.old and step.old.inputs, step.new and step.new.inputs
        new = None if operation == "delete" else new
        if billed(step.type) and operation not in PART_OF_REPLACE:
            for bill, inputs in zip(self.bills, (old, new), strict=True):
                if inputs:
                    bill[step.urn] = step.type, step.urn.rpartition("::")[2], inputs
        if not changing(step):
            return
        every = list(step.detailed_diff or step.diffs or [])
        forcing = (step.keys or []) if operation == "replace" else []
        # An update may remove the protection and the resource at once (`platform:replaceable`).
        # Drift has happened already: nothing is left to refuse.
        states = [state for state in (step.old, step.new) if state]
        protected = operation in LOSING and bool(states) and all(state.protect for state in states)
        shown = tuple(sorted({path for path in forcing or every if not path.startswith("__")}))
        likely = foreseen(old, new)
        if self.operation == "preview":
            for text in refused_later(step.type, old, likely):
                self.warn(text, step.urn)
        properties: list[Property] = []
        if operation in {"update", "replace"}:
            paths = [path for path in dict.fromkeys([*forcing, *every]) if not path.startswith("__")]
            properties = changed(step.type, paths, forcing, old, new)
        sure = [one.path for one in properties if one.known or operation == "replace"]
        # Drift has happened: what an update would do is no matter.
        told, known = effects(step.type, operation, sure) if self.operation != "drift" else ((), True)
        known = known and len(sure) == len(properties)
        before, after = (
            [{"type": step.type, "inputs": inputs}] if inputs else [] for inputs in (old, likely)
        )
        self.changes.append(
            Change(
                step.urn,
                operation,
                shown,
                protected and self.operation != "drift",
                tuple(properties),
                told,
                known,
                difference(rendered(before), rendered(after)),
            )
        )

    def _warning(self, urn: str, message: str) -> None:
        if UNREACHABLE.fullmatch(message):
            if NOT_REACHED not in self.incomplete:
                self.incomplete.append(NOT_REACHED)
        elif RETRIED.fullmatch(message):
            self.retried[shortened(urn)] = None
        elif message.startswith(UNCHECKED):
            self.unchecked.append(message)
        elif message and not FROM_PATH.fullmatch(message):
            self.warn(message, urn)

    def warn(self, text: str, urn: str) -> None:
        """Add a warning about a resource, or about the stack."""
        where = shortened(urn) if urn else "the stack"
        self.warnings.setdefault(" ".join(text.split()), {})[where] = None

    def _error(self, urn: str, message: str) -> None:
        if kept := protected_urn(message, urn):
            self.kept.add(kept)
            return
        message = program_error(message)
        if message.startswith(REFUSED):
            lines = (line.strip() for line in message.splitlines()[1:])
            self.violations += [line for line in lines if line not in self.violations]  # it is told twice
            return
        if CANCELLED.fullmatch(message):
            urn = ""
            message = "cancelled; finished operations are in the state, and the next run continues from there"
        if refused := REFUSED_BY_HOOK.fullmatch(message):
            self.violations.append(f"{shortened(urn)}: {refused[2]} [{refused[1]}]")
            return
        if message not in ONLY_SUMMARIES and not any(told.endswith(message) for told in self.errors):
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
        return [
            *(f"incomplete: {why}" for why in self.incomplete),
            *self.unchecked,
            *(
                [f"tried again after a passing error, which is normal: {few(self.retried)}"]
                if self.retried
                else []
            ),
            *(f"warning: {few(places)}: {text}" for text, places in sorted(self.warnings.items())),
        ]

    @property
    def new(self) -> bool:
        """Whether there was nothing before."""
        return not self.unchanged and bool(self.changes) and len(self.of("create")) == len(self.changes)

    @property
    def costs(self) -> tuple[Estimate, Estimate] | None:
        """Monthly costs before and after; None without an estimate, as after a run that saw only a part."""
        if not self.region or self.errors or self.refused:
            return None
        before, after = (Estimate.of(bill.values(), self.region) for bill in self.bills)
        return before, after

    def as_json(self) -> str:
        """One JSON object."""
        kinds = {"replacements": "replace", "deletions": "delete", "updates": "update"}
        costs = self.costs
        return json.dumps({
            "stack": self.stack,
            "operation": self.operation,
            "changes": self.counts,
            **{
                kind: [
                    {
                        "urn": c.urn,
                        "diffKeys": list(c.diff_keys),
                        "protected": c.protected,
                        "properties": [one.described() for one in c.properties],
                        "effects": list(c.effects),
                    }
                    for c in self.of(operation)
                ]
                for kind, operation in kinds.items()
            },
            "settings": [setting.described() for setting in self.causes.settings],
            "costs": costs and {
                when: {"least": round(one.least, 2), "most": round(one.most, 2)}
                for when, one in zip(("before", "after"), costs, strict=True)
            },
            "errors": self.errors,
            "violations": self.violations,
            "notes": self.notes,
            "outputs": self.outputs,
            "seconds": round(self.seconds, 2),
        }, indent=2)  # fmt: skip


def few(places: Iterable[str], shown: int = 1) -> str:
    """The first of some resources, and how many more there are."""
    every = sorted(places)
    more = f" and {len(every) - shown} more" if len(every) > shown else ""
    return ", ".join(every[:shown]) + more


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
