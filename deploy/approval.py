"""What a preview was of and would do, on record: an `up` goes by it only while nothing has moved."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.stack_file import ROOT, RefusedError, config
from deploy.summary import Change, shortened

PROGRAM = ("components", "policy", "*.py", "Pulumi*.yaml")
"""Where a file that git does not know of changes what is deployed."""
SHOWN = 5
"""Differences told one by one."""


class Plan(BaseModel):
    """A preview's commit, settings, state and operations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: str
    commit: str
    """The commit, and a hash of what was changed since, if anything was."""
    settings: dict[str, str]
    """Key of the stack file → hash of its value."""
    state: dict[str, str]
    """URN → id and time of the last change, hashed. An update that changes nothing leaves it as it is."""
    operations: dict[str, str]
    """URN → what would be done to it and because of which properties."""

    @classmethod
    def of(cls, stack: str, changes: Iterable[Change], resources: Iterable[Mapping[str, Any]]) -> Self:
        """The plan of a preview that has just ended."""
        return cls(
            stack=stack,
            commit=commit(),
            settings={key: hashed(value) for key, value in config(stack).items()},
            state={
                found["urn"]: hashed([found.get(key) for key in ("id", "modified", "protect")])
                for found in resources
            },
            operations={c.urn: f"{c.operation} {', '.join(sorted(c.because))}".strip() for c in changes},
        )

    @classmethod
    def read(cls, file: Path, stack: str) -> Self:
        """The plan that a preview of this stack wrote."""
        try:
            plan = cls.model_validate(json.loads(file.read_text())["plan"])
        except FileNotFoundError:
            text = f"there is no plan {file}; write one: python -m deploy preview {stack} --plan {file}"
            raise RefusedError(text) from None
        except (ValidationError, ValueError, KeyError, TypeError):
            raise RefusedError(f"{file} is not what `preview {stack} --plan` writes; write it anew") from None
        if plan.stack != stack:
            raise RefusedError(f"{file} is a plan of {plan.stack}, not of {stack}", 3)
        return plan

    def write(self, file: Path) -> None:
        """Keep the plan in a file; the digest beside it is for people."""
        file.write_text(json.dumps({"digest": self.digest, "plan": self.model_dump()}, indent=1) + "\n")

    @property
    def digest(self) -> str:
        """One hash over all of it, of a length that can be read out."""
        return hashed(self.model_dump())[:12]

    @property
    def message(self) -> str:
        """What Pulumi's history says of an update by this plan."""
        return f"commit {self.commit}, plan {self.digest}"

    def check(self, now: "Plan") -> None:
        """Refuse if anything is no longer as it was when this plan was made."""
        moved = list(self._moved(now))
        if moved:
            first = f"plan {self.digest} of {self.stack} no longer holds, and nothing was changed:"
            again = f"Make a new one and read it: python -m deploy preview {self.stack} --plan FILE"
            raise RefusedError("\n".join([first, *moved, again]), 3)

    def leave(self, pools: Iterable[str]) -> None:
        """Refuse what would touch the workers that this very run is on, which would end it halfway."""
        for urn in self.operations:
            for pool in pools:
                if re.search(rf"(^|[-/]){re.escape(pool)}($|[-/])", urn.rpartition("::")[2]):
                    text = f"the plan touches {shortened(urn)}, and this runs on the workers of {pool}"
                    raise RefusedError(f"{text}: run it elsewhere (docs/runbooks/infra-is-down.md)", 3)

    def _moved(self, now: "Plan") -> Iterator[str]:
        if self.commit != now.commit:
            yield f"  commit: it was made of {self.commit}, and this is {now.commit}"
        yield from _differences("stack file", self.settings, now.settings)
        yield from _differences("state", self.state, now.state)
        yield from _differences("operations", self.operations, now.operations)


def _differences(what: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    found = [f"{_told(key)} is gone" for key in then if key not in now]
    found += [f"{_told(key)} is new" for key in now if key not in then]
    found += [f"{_told(key)} is another" for key in then if key in now and then[key] != now[key]]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    if found:
        yield f"  {what}: {', '.join([*found[:SHOWN], *more])}"


def _told(key: str) -> str:
    """A URN as a person calls the resource; other keys are the stack file's own."""
    return shortened(key) if key.startswith("urn:") else key


def pools_with(tag: str, stack: str) -> list[str]:
    """The worker pools of a stack that take steps with a tag."""
    found = [
        pool["name"]
        for pool in config(stack)["platform:cluster"]["workerPools"]
        if tag in pool.get("tags", [])
    ]
    if not found:
        raise RefusedError(f"no pool of {stack} has the tag {tag!r} (cluster.workerPools[].tags)")
    return found


def hashed(value: object) -> str:
    """Digits that tell one value from another."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, and a hash of what differs from it in the program, if anything does."""

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
