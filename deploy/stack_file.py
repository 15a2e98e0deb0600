"""Reads and validates a stack file before anything runs."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, SettingsError, validate

ROOT = Path(__file__).parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of `safe_load`; the C version, if there is one, is ten times as fast."""


class RefusedError(Exception):
    """An error that the caller can fix; its text says how."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
        """The exit code of the command (README, exit codes)."""


def stacks(root: Path = ROOT) -> list[str]:
    """The stacks with a stack file."""
    return sorted(file.name.split(".")[1] for file in root.glob("Pulumi.*.yaml"))


def config(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """The `config:` of a stack file, unvalidated."""
    file = root / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        known = stacks(root)
        near = ", ".join(get_close_matches(stack, known) or known)
        text = f"there is no stack {stack!r}; did you mean {near}?"
        raise RefusedError(f"{text} (a new stack is a file Pulumi.{stack}.yaml)")
    try:
        content = yaml.load(file.read_text(), LOADER)  # noqa: S506 a safe loader
    except yaml.YAMLError as broken:
        raise RefusedError(f"{file.name} is not YAML: {broken}") from None
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise RefusedError(f"{file.name} has no `config:` with the stack's settings")
    return dict(content["config"])


def settings(stack: str, root: Path = ROOT) -> Settings:
    """A stack's settings; the error lists every problem of its file."""
    try:
        found = validate(config(stack, root), stack)
    except SettingsError as wrong:
        raise RefusedError(str(wrong)) from None
    for other in set(stacks(root)) - {stack}:
        try:
            hosts = validate(config(other, root), other).host_names.values()
        except (SettingsError, RefusedError):  # a problem of the other stack
            continue
        if taken := set(found.host_names.values()) & set(hosts):
            text = f"Pulumi.{stack}.yaml: {', '.join(sorted(taken))} is a host of the stack {other} too"
            raise RefusedError(f"{text}; change platform:dns or ingress.hosts of one of them")
    return found
