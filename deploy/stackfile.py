"""Reads a stack's file and refuses it before anything runs: unknown stacks, and every wrong setting."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from components.dns import DnsSettings
from components.hosts import HostsSettings
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
    mine = found.hosts.within(found.dns.name)
    for other in stacks(root):
        taken = {} if other == stack else hosts(config(other, root))
        for what, host in mine.items():
            if host in taken:
                raise RefusedError(
                    f"Pulumi.{stack}.yaml: {host} ({what}) is {taken[host]} of {other} too; "
                    "give one of them another platform:dns zone, or another label in platform:hosts"
                )
    return found


def hosts(given: Mapping[str, Any]) -> dict[str, str]:
    """Host → what it is for, of a stack file that need not be right otherwise."""
    try:
        names = DnsSettings.model_validate(given.get("platform:dns"))
        labels = HostsSettings.model_validate(given.get("platform:hosts") or {})
        return {host: what for what, host in labels.within(names.name).items()}
    except (ValidationError, ValueError, IndexError):
        return {}
