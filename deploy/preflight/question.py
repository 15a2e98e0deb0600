"""What a check of the preconditions is given, and what it answers."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from components.settings import Settings
from deploy.stack_file import RefusedError

Ask = Callable[..., Any]
"""Runs a command such as `az`; returns its output, or None if it fails."""
Answers = Iterator[tuple[str, bool, str, str]]
"""Each precondition, whether it is met, what is there instead, and the remedy."""


class Finding(NamedTuple):
    """The result of one check."""

    what: str
    missing: str = ""
    """Empty if the precondition is met."""
    remedy: str = ""
    """The setting to change, the command to run, or what to do."""

    def __str__(self) -> str:
        if not self.missing:
            return f"  ok       {self.what}"
        return f"  missing  {self.what}: {self.missing}\n           {self.remedy}"


def ask(*command: str) -> Any:
    """Run a command that changes nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except FileNotFoundError:
        raise RefusedError(f"{command[0]} is not on PATH; preflight needs it") from None
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    return json.loads(done.stdout or "null") if command[0] == "az" else done.stdout


class Question(NamedTuple):
    """Whom the checks ask about what."""

    settings: Settings
    user: Mapping[str, str]
    """The caller's name and type, as az shows them."""
    ask: Ask

    @property
    def location(self) -> str:
        """The stack's region."""
        return self.settings.azure.location

    @property
    def is_service(self) -> bool:
        """Whether the caller is a service principal, and not a person."""
        return self.user["type"] == "servicePrincipal"

    def az(self, *words: str) -> Any:
        """The answer of az about the stack's subscription."""
        return self.ask("az", *words, "--subscription", self.settings.azure.subscription_id)

    def graph(self, path: str) -> Any:
        """The answer of Microsoft Graph."""
        return self.ask("az", "rest", "--method", "get", "--url", f"https://graph.microsoft.com/v1.0/{path}")
