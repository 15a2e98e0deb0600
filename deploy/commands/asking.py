"""Questions to a person before a stack changes."""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from deploy.commands.report import coloured

if TYPE_CHECKING:
    from deploy.summary import Summary


def attended(*, json: bool) -> bool:
    """Whether a person can be asked: stdin and stdout are a terminal, and stdout is not for a program."""
    return not json and sys.stdin.isatty() and sys.stdout.isatty()


def unattended_error(command: str, stack: str, instead: str) -> str:
    """Why a command does not start where nobody can be asked."""
    return f"{command} {stack} changes real clouds, and there is no terminal to ask on: add {instead}"


def ask_up(preview: "Summary", where: str = "") -> None:
    """Show a preview, and refuse to go on unless the answer is yes. Without changes there is no question."""
    from deploy.stack_file import RefusedError
    from deploy.text import as_text

    print(coloured(as_text(preview)), flush=True)
    if preview.changes and _answer(f"Update {preview.stack}{where}? [y/N] ").lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was changed.", 1)


def ask_destroy(stack: str, resources: Iterable[Mapping[str, Any]], where: str = "") -> None:
    """Show what a stack has, and refuse to go on unless its name is typed.

    A stack with protected resources or without any is not asked about: nothing of it will be deleted.
    """
    from deploy.stack_file import RefusedError
    from deploy.summary import in_a_cloud, shortened
    from policy.protection import HOLDS_DATA

    found = [resource for resource in resources if in_a_cloud(resource)]
    if not found or any(resource.get("protect") for resource in found):
        return
    data = sorted(shortened(resource["urn"]) for resource in found if resource["type"] in HOLDS_DATA)
    lines = [f"destroy {stack}: {len(found)} resources. These hold data or are used by others:"]
    lines += [f"  delete {name}" for name in data]
    print(coloured("\n".join(lines)), flush=True)
    if _answer(f"Type the stack's name to delete all of it{where}: ") != stack:
        raise RefusedError("That is not its name. Nothing was changed.", 1)


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:  # Ctrl-D
        print()
        return ""
