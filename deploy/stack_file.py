"""Reads a stack's file and refuses it before anything runs: unknown stacks, and every wrong setting."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, SettingsError, validate

ROOT = Path(__file__).parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As `safe_load`; in C where it was built so, which is ten times as fast."""


class RefusedError(Exception):
    """Something that the person who called can put right; its text says how."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
        """The exit code of the command (docs: README, exit codes)."""


def stacks(root: Path = ROOT) -> list[str]:
    """The stacks that have a file."""
    return sorted(file.name.split(".")[1] for file in root.glob("Pulumi.*.yaml"))


def config(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """The configuration that a stack's file gives, as written."""
    file = root / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        known = stacks(root)
        near = ", ".join(get_close_matches(stack, known) or known)
        text = f"there is no stack {stack!r}; did you mean {near}?"
        raise RefusedError(f"{text} (a new one is a file Pulumi.{stack}.yaml)")
    try:
        content = yaml.load(file.read_text(), LOADER)  # noqa: S506 a safe one
    except yaml.YAMLError as broken:
        raise RefusedError(f"{file.name} is not YAML: {broken}") from None
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise RefusedError(f"{file.name} has no `config:` with the stack's settings")
    return dict(content["config"])


def settings(stack: str, root: Path = ROOT) -> Settings:
    """A stack's settings, or every problem of its file at once."""
    try:
        found = validate(config(stack, root), stack)
    except SettingsError as wrong:
        raise RefusedError(str(wrong)) from None
    for other in stacks(root):
        taken = set(_hosts(found)) & set(_others_hosts(other, root)) if other != stack else ()
        if taken:
            text = f"{', '.join(sorted(taken))} is a host of the stack {other} too"
            raise RefusedError(
                f"Pulumi.{stack}.yaml: {text}; give one of them another platform:dns or ingress.hosts"
            )
    return found


def _hosts(of: Settings) -> Iterable[str]:
    return of.host_names.values()


def _others_hosts(stack: str, root: Path) -> Iterable[str]:
    """The hosts of another stack; none while its file is wrong, which it is told by itself."""
    try:
        return _hosts(validate(config(stack, root), stack))
    except (SettingsError, RefusedError):
        return ()
