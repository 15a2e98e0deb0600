"""Reads and validates a stack file before anything runs."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from components.settings import Settings, SettingsError
from components.stack_files import stack_config, stack_settings, stacks

ROOT = Path(__file__).parent.parent


class RefusedError(Exception):
    """An error that the caller can fix; its text says how."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
        """The exit code of the command (README, exit codes)."""


def config(stack: str, root: Path = ROOT) -> dict[str, Any]:
    """The `config:` of a stack file, unvalidated."""
    _known(stack, root)
    try:
        return stack_config(stack, root)
    except SettingsError as wrong:
        raise RefusedError(str(wrong)) from None


def settings(stack: str, root: Path = ROOT) -> Settings:
    """A stack's settings; the error lists every problem of its file."""
    _known(stack, root)
    try:
        return stack_settings(stack, root)
    except SettingsError as wrong:
        raise RefusedError(str(wrong)) from None


def _known(stack: str, root: Path) -> None:
    known = stacks(root)
    if stack not in known:
        near = ", ".join(get_close_matches(stack, known) or known)
        text = f"there is no stack {stack!r}; did you mean {near}?"
        raise RefusedError(f"{text} (a new stack is a file Pulumi.{stack}.yaml)")
