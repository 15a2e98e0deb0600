"""What a run of the engine did or would do: read from its events, shown as text, JSON or Markdown."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata

from deploy.render import difference, foreseen, rendered

LOSING = {"replace", "delete"}
"""Operations that a person has to know of one by one."""
NOT_SHOWN = {"same", "read", "refresh", "create-replacement", "delete-replaced", "discard-replaced"}
"""Steps that change nothing, or that `replace` stands for."""
MOST = 20
"""Resources that a comment names one by one, of those that are not lost."""
LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536 (its API refuses more: "body is too long")."""
BEFORE_PROGRAM = re.compile(
    r"(?<=Traceback \(most recent call last\):\n)(?s:.*?)(?=  File \"[^\"]*__main__\.py\")"
)
"""The part of a traceback that is the engine's and not the program's."""


@dataclass(frozen=True)
class Change:
    """One resource that changes, and why."""

    urn: str
    operation: str
    because: tuple[str, ...]
    """The properties that differ; for a replacement, those that force it."""
    protected: bool

    @property
    def short(self) -> str:
        """`Server database` for a URN."""
        return shortened(self.urn)

    def __str__(self) -> str:
        because = f" ({', '.join(self.because)})" if self.because else ""
        return f"{self.operation} {self.short}{because}"


def shortened(urn: str) -> str:
    """Type and name of a URN, as a person calls the resource."""
    kinds, _, name = urn.removeprefix("urn:pulumi:").partition("::")[2].partition("::")[2].rpartition("::")
    return f"{kinds.rpartition('$')[2].rpartition(':')[2]} {name}"


@dataclass
class Outcome:
    """Everything worth telling about one run."""

    stack: str
    operation: str
    """preview, up, drift or destroy."""
    changes: list[Change] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    """File of what goes to the cluster → how it differs, as `render` writes it."""
    unchanged: int = 0
    errors: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """URNs that the engine had something to say of."""
    kept: set[str] = field(default_factory=set)
    """URNs that the engine would not let go because they are protected."""
    violations: list[str] = field(default_factory=list)
    """What a mandatory rule of the policy pack refused."""
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0

    def take(self, event: EngineEvent) -> None:
        """Read one event of the engine."""
        if event.resource_pre_event:
            self._step(event.resource_pre_event.metadata)
        elif event.policy_event and event.policy_event.enforcement_level == "mandatory":
            policy = event.policy_event
            text = clean(policy.message).removeprefix(policy.policy_name).strip()
            self.violations.append(f"{shortened(policy.resource_urn or '')}: {text} [{policy.policy_name}]")
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self._error(event.diagnostic_event.urn or "", clean(event.diagnostic_event.message))

    def _step(self, step: StepEventMetadata) -> None:
        operation = OpType(step.op).value
        self.seen.add(step.urn)
        if operation == "same" and exists(step):
            self.unchanged += 1
        if not changing(step):
            return
        because = step.keys if operation == "replace" else None
        because = because or list(step.detailed_diff or step.diffs or [])
        # The program may take protection away and lose the resource in one update (`replaceable`).
        states = [state for state in (step.old, step.new) if state]
        protected = operation in LOSING and bool(states) and all(state.protect for state in states)
        shown = tuple(sorted({path for path in because if not path.startswith("__")}))
        self.changes.append(Change(step.urn, operation, shown, protected))
        old, new = step.old and step.old.inputs, step.new and step.new.inputs
        new = None if operation == "delete" else foreseen(old, new)
        before, after = ([{"type": step.type, "inputs": inputs}] if inputs else [] for inputs in (old, new))
        self.values |= difference(rendered(before), rendered(after))

    def _error(self, urn: str, message: str) -> None:
        if "marked for protection" in message or "cannot be deleted" in message:
            named = re.search(r'"(urn:[^"]+)"', message)
            self.kept.add(named[1] if named else urn)
            return
        message = BEFORE_PROGRAM.sub("", message.removeprefix("an unhandled error occurred: "))
        if message == "context canceled":
            message = "cancelled; what had begun is done and recorded, and another run goes on from there"
        if message not in ("preview failed", "update failed", "") and message not in self.errors:
            where = f"{shortened(urn)}: " if urn and not urn.endswith(f"::{self.stack}") else ""
            self.errors.append(where + message)

    def settle(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """After the last event: what else would be deleted, of the state's `resources`.

        The engine deletes what the program no longer has, and stops at the first that is protected.
        """
        lost = dict.fromkeys(self.kept - {change.urn for change in self.changes}, True)
        if any(change.operation == "delete" for change in self.refused):
            unseen = [r for r in resources if r["urn"] not in self.seen and in_a_cloud(r)]
            lost |= {r["urn"]: bool(r.get("protect")) for r in unseen}
        self.changes += [Change(urn, "delete", (), lost[urn]) for urn in sorted(lost)]

    @property
    def counts(self) -> dict[str, int]:
        """Operation → number of resources; what does not change under `same`."""
        return dict(Counter(change.operation for change in self.changes)) | {"same": self.unchanged}

    @property
    def refused(self) -> list[Change]:
        """Changes that would lose a resource which the program protects."""
        return [change for change in self.changes if change.protected]

    def of(self, operation: str) -> list[Change]:
        return [change for change in self.changes if change.operation == operation]

    @property
    def failed(self) -> bool:
        return bool(self.errors or self.violations or self.refused)

    def as_json(self) -> str:
        """One object; `deploy preview --json` prints it and nothing else."""
        return json.dumps({
            "stack": self.stack,
            "operation": self.operation,
            "changes": self.counts,
            "replacements": [self._object(c) for c in self.of("replace")],
            "deletions": [self._object(c) for c in self.of("delete")],
            "updates": [self._object(c) for c in self.of("update")],
            "errors": self.errors,
            "violations": self.violations,
            "outputs": self.outputs,
            "seconds": round(self.seconds, 2),
        }, indent=2)  # fmt: skip

    @staticmethod
    def _object(change: Change) -> dict[str, Any]:
        return {"urn": change.urn, "because": list(change.because), "protected": change.protected}

    def as_text(self) -> str:
        """A summary to paste: counts, then what is lost, in full."""
        counts = [f"{number} {operation}" for operation, number in sorted(self.counts.items())]
        lines = [f"{self.operation} {self.stack}: {', '.join(counts)} in {self.seconds:.1f} s"]
        first = not self.unchanged  # of a stack that is made whole, its counts say enough
        told = [c for c in self.changes if c.operation != "create" or not first]
        lines += [f"  {change}{', which is protected' if change.protected else ''}" for change in told]
        lines += [f"  refused by a rule: {violation}" for violation in self.violations]
        lines += [f"  error: {error}" for error in self.errors]
        return "\n".join([*lines, *listed(self.outputs)])

    def as_markdown(self) -> str:
        """A pull request's comment."""
        counts = " · ".join(f"**{n}** {op}" for op, n in sorted(self.counts.items()))
        lines = [f"### {self.operation} of `{self.stack}`", "", counts, ""]
        for title, operation in (
            ("Replaced", "replace"),
            ("Deleted", "delete"),
            ("Updated", "update"),
            ("Created", "create"),
        ):
            # The engine tells them as they come; a comment is compared with the one before.
            found = sorted(self.of(operation), key=lambda change: (not change.protected, change.short))
            # Of what is new or only changed there can be hundreds; of what is lost each counts.
            shown = found if operation in LOSING else found[:MOST]
            told = [f"- `{c.short}`{_because(c)}{' — **protected**' if c.protected else ''}" for c in shown]
            told += [f"- and {len(found) - MOST} more"] if len(found) > len(shown) else []
            lines += [f"**{title}**", "", *told, ""] if told else []
        if self.refused:
            lines += ["**Refused**: what is protected holds data, or others rely on it. `up` will end 3.", ""]
        for title, texts in (("Refused by a rule", self.violations), ("Errors", self.errors)):
            if texts:
                lines += [f"**{title}**", "", *(f"- {text}" for text in texts), ""]
        if not self.violations:
            lines += ["Rules of `policy/`: all hold.", ""]
        # Of a stack that is made whole, everything is new.
        size, left = len("\n".join(lines)), 0
        for file, text in sorted(self.values.items()) if self.unchanged else ():
            block = f"<details><summary>{file}</summary>\n\n```diff\n{text.rstrip()}\n```\n</details>\n"
            size += len(block)
            left += size > LONGEST
            lines += [block] if size <= LONGEST else []
        lines += [f"{left} files more differ: `python -m deploy render` writes all.", ""] if left else []
        return "\n".join(lines)


def _because(change: Change) -> str:
    if change.because:
        return f" because of `{'`, `'.join(change.because)}`"
    return " because the program no longer has it" if change.operation == "delete" else ""


def in_a_cloud(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is something in a cloud, and not a component or a way to a cloud."""
    return bool(resource.get("custom")) and not resource["type"].startswith("pulumi:providers:")


def exists(step: StepEventMetadata) -> bool:
    """Whether a step is about something in a cloud."""
    state = step.old or step.new
    return in_a_cloud({"custom": state and state.custom, "type": step.type})


def changing(step: StepEventMetadata) -> bool:
    """Whether a step changes something that exists, and is not part of a replacement told already."""
    return exists(step) and OpType(step.op).value not in NOT_SHOWN


def listed(outputs: Mapping[str, Any], indent: int = 2) -> list[str]:
    """Outputs, a line each; what an output holds by name is below it."""
    width, lines = max(map(len, outputs), default=0), []
    for name, value in sorted(outputs.items()):
        if isinstance(value, Mapping) and value:
            lines += [f"{'':{indent}}{name}", *listed(value, indent + 2)]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            lines.append(f"{'':{indent}}{name:<{width}}  {text or 'none'}")
    return lines


def clean(message: str) -> str:
    """A message without the engine's colour marks."""
    return re.sub(r"<\{%[^%]*%\}>", "", message).strip()
