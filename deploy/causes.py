"""Which settings have changed since the last update, and which properties follow from them."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.config.teams_file import TEAMS, TEAMS_FILE
from components.settings import SettingsError, validate
from components.stack_files import decoded
from deploy.properties import Property, leaves, written
from deploy.stack_file import ROOT

PROGRAM = ("components", "teams", ":(glob)*.py", "requirements.txt", "Pulumi.yaml")
"""Where a change can change a preview, beside the stack file (git pathspecs)."""


class Causes(NamedTuple):
    """What differs from the last successful update."""

    settings: tuple[Property, ...] = ()
    """Settings whose value differs; one that the file does not have has its default."""
    alone: bool = False
    """Whether nothing else differs: neither the program nor its packages."""

    def of(self, change: Property) -> str:
        """The setting that a property follows from; empty if that is not certain.

        It is certain if it is the only difference of all, or the only setting with this old and new value.
        """
        if self.alone and len(self.settings) == 1:
            return self.settings[0].path
        values = change.values
        same = [setting.path for setting in self.settings if values and setting.values == values]
        return same[0] if len(same) == 1 else ""


def causes(stack: str, before: Mapping[str, Any], after: Mapping[str, Any], *, alone: bool) -> Causes:
    """Compare the configuration of the last update with that of the stack file."""
    if TEAMS_FILE in before:  # the engine's history has only its name
        before = {**before, TEAMS: after.get(TEAMS, [])}
    try:
        old, new = (
            _named(validate(config, stack).model_dump(mode="json", by_alias=True))
            for config in (before, after)
        )
    except SettingsError:  # the last update had keys that are no more
        return Causes()
    found = tuple(Property(written(path), *values) for path, *values in leaves((), old, new))
    return Causes(found, alone)


def same_program(revision: str, root: Path = ROOT) -> bool:
    """Whether the checkout's program is that of a commit, uncommitted and new files included."""
    compare = ["git", "diff", "--quiet", revision, "--", *PROGRAM]
    others = ["git", "ls-files", "--others", "--exclude-standard", "--", *PROGRAM]
    try:
        if subprocess.run(compare, cwd=root, capture_output=True, check=False).returncode:
            return False
        return not subprocess.run(others, cwd=root, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False


def last_update(history: Iterable[Any]) -> tuple[Mapping[str, Any], str] | None:
    """The configuration and the commit of the newest update in a stack's history, if it succeeded.

    After a failed one the state is a mixture, and nothing can be compared.
    """
    for entry in history:
        if entry.kind in {"update", "destroy"}:
            config = {key: decoded(one.value) for key, one in entry.config.items() if not one.secret}
            commit = (entry.message or "").removeprefix("commit ").partition(",")[0]
            succeeded = entry.kind == "update" and entry.result == "succeeded"
            return (config, commit) if succeeded else None
    return None


def _named(value: Any) -> Any:
    """Settings with the items of lists by their names, so that a new one does not move the others."""
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items() if item is not None}
    if (
        isinstance(value, list)
        and value
        and all(isinstance(item, Mapping) and "name" in item for item in value)
    ):
        return {item["name"]: _named(item) for item in value}
    return value
