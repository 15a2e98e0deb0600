"""The plan of a preview: `up --plan` refuses if commit, settings, state or operations have changed since.

Pulumi's own update plans (`--save-plan`) are experimental and stop halfway, after some changes are made.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from deploy.stack_file import ROOT, RefusedError, config
from deploy.summary import Summary, shortened

PROGRAM = ("components", "policy", "teams", "*.py", "Pulumi*.yaml")
"""Paths where an untracked file changes what is deployed."""
SHOWN = 5
"""Differences that a message lists one by one."""


class Plan(BaseModel, frozen=True, extra="forbid"):
    """A preview's commit, settings, state and operations."""

    stack: str
    commit: str
    """The commit, and a hash of uncommitted changes if there are any."""
    settings: dict[str, str]
    """Key of the stack file → hash of its value."""
    state: dict[str, str]
    """URN → hash of id and time of the last change. An update without changes keeps it."""
    operations: dict[str, str]
    """URN → operation and the properties that cause it."""
    unchecked: list[str] = []
    """What the policies could not check in the preview. The update checks it."""

    @classmethod
    def of(cls, preview: Summary, resources: Iterable[Mapping[str, Any]]) -> Self:
        """The plan of a preview that has just ended."""
        return cls(
            stack=preview.stack,
            commit=commit(),
            settings={key: hashed(value) for key, value in config(preview.stack).items()},
            state={
                r["urn"]: hashed([r.get(key) for key in ("id", "modified", "protect")]) for r in resources
            },
            operations={
                c.urn: f"{c.operation} {', '.join(sorted(c.diff_keys))}".strip() for c in preview.changes
            },
            unchecked=preview.unchecked,
        )

    @classmethod
    def read(cls, file: Path, stack: str) -> Self:
        """Read the plan that a preview of this stack wrote."""
        remedy = f"create one: python -m deploy preview {stack} --plan {file}"
        try:
            plan = cls.model_validate(json.loads(file.read_text())["plan"])
        except FileNotFoundError:
            raise RefusedError(f"there is no plan {file}; {remedy}") from None
        except (ValidationError, ValueError, KeyError, TypeError):
            raise RefusedError(f"{file} is not a plan; {remedy}") from None
        if plan.stack != stack:
            raise RefusedError(f"{file} is a plan of {plan.stack}, not of {stack}", 3)
        return plan

    def write(self, file: Path) -> None:
        """Write the plan to a file, with its digest for readers."""
        file.write_text(json.dumps({"digest": self.digest, "plan": self.model_dump()}, indent=1) + "\n")

    @property
    def digest(self) -> str:
        """A hash of the plan, short enough to read out."""
        return hashed(self.model_dump())[:12]

    @property
    def message(self) -> str:
        """The message of the update in Pulumi's history."""
        return f"commit {self.commit}, plan {self.digest}"

    def check(self, now: "Plan") -> None:
        """Refuse if anything has changed since this plan was made."""
        moved = "" if self.commit == now.commit else f"  commit: planned {self.commit}, now {now.commit}\n"
        moved += _differences("stack file", self.settings, now.settings)
        moved += _differences("state", self.state, now.state)
        moved += _differences("operations", self.operations, now.operations)
        if moved:
            raise RefusedError(
                f"plan {self.digest} of {self.stack} is out of date. Nothing was changed. Differences:\n"
                f"{moved}"
                f"Create a new plan and read it: python -m deploy preview {self.stack} --plan FILE",
                3,
            )

    def leave(self, pools: Iterable[str]) -> None:
        """Refuse changes of the worker pools that this process runs on: they would end it halfway."""
        for urn in self.operations:
            for pool in pools:
                if re.search(rf"(^|[-/]){re.escape(pool)}($|[-/])", urn.rpartition("::")[2]):
                    text = f"the plan changes {shortened(urn)}, and this command runs on the workers {pool}"
                    raise RefusedError(f"{text}: run it elsewhere (docs/runbooks/infra-is-down.md)", 3)


def _differences(what: str, then: dict[str, str], now: dict[str, str]) -> str:
    """One line; empty if there is no difference."""
    found = []
    for key in then | now:
        if then.get(key) != now.get(key):
            how = "is gone" if key not in now else "has changed" if key in then else "is new"
            found.append(f"{shortened(key) if key.startswith('urn:') else key} {how}")
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return f"  {what}: {', '.join(found[:SHOWN] + more)}\n" if found else ""


def pools_with(tag: str, stack: str) -> list[str]:
    """The worker pools of a stack with a tag."""
    pools = config(stack)["platform:cluster"]["workerPools"]
    found = [pool["name"] for pool in pools if tag in pool.get("tags", [])]
    if not found:
        raise RefusedError(f"no worker pool of {stack} has the tag {tag!r} (cluster.workerPools[].tags)")
    return found


def hashed(value: object) -> str:
    """A hash of any value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def commit(root: Path = ROOT) -> str:
    """The checked-out commit, and a hash of uncommitted changes of the program if there are any."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout  # noqa: S607 git is found on PATH

    try:
        head = git("rev-parse", "--short=12", "HEAD").decode().strip()
        changes = git("diff", "HEAD", "--binary", "--", *PROGRAM)
        for name in git("ls-files", "--others", "--exclude-standard", "-z", "--", *PROGRAM).split(b"\0"):
            changes += name + (root / name.decode()).read_bytes() if name else b""
    except (OSError, subprocess.CalledProcessError):
        return "without git"
    return f"{head} with changes {hashed(changes.hex())[:12]}" if changes else head
