"""Results of the commands on stdout, and their exit codes."""

import os
import re
import sys
from collections.abc import Iterable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deploy.summary import Summary

LOSSES = re.compile(r"^(  )((delete|replace|error:|policy violation:).*)$", re.MULTILINE)
"""The first lines of what is lost or failed. A wrapped text goes on with more spaces."""
SHOWN = 5
"""Protected resources that a refused `destroy` names."""


def show(found: object, lines: Iterable[str], *, json: bool) -> None:
    """Print a result as JSON or as lines."""
    print(dumps(found, indent=2) if json else "\n".join(lines))


def coloured(text: str) -> str:
    """What is lost or failed in colour, on a terminal that has colours (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return LOSSES.sub(
        lambda line: line[1] + typer.style(line[2], fg="magenta" if line[3] == "replace" else "red"), text
    )


def report(summary: "Summary", *, json: bool, markdown: Path | None = None) -> None:
    """Print a summary, and exit with its code unless it is a success."""
    from deploy.comment import as_markdown
    from deploy.text import as_text

    refused_destroy = summary.operation == "destroy" and summary.refused
    if json or not refused_destroy:
        print(summary.as_json() if json else coloured(as_text(summary)), flush=True)
    if markdown:
        markdown.write_text(as_markdown(summary))
    if summary.operation == "drift" and summary.changes and not (summary.errors or summary.incomplete):
        raise typer.Exit(4)
    if summary.refused:
        print(deletable(summary) if refused_destroy else replaceable(summary), file=sys.stderr)
    if summary.refused or summary.violations:
        raise typer.Exit(3)
    # An update may be what lets the caller reach the cluster again; its own errors say what failed.
    if summary.errors or (summary.incomplete and summary.operation in {"preview", "drift"}):
        raise typer.Exit(1)


def deletable(summary: "Summary") -> str:
    """Why a stack is not deleted, and the way to delete it on purpose."""
    from deploy.summary import shortened

    names = sorted(shortened(change.urn) for change in summary.refused)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"destroy {summary.stack}: refused, nothing was deleted. {len(names)} resources are protected: "
        f"{', '.join(names[:SHOWN])}{more}.\n"
        f"To delete the stack and its data on purpose: set `platform:protected: false` in "
        f"Pulumi.{summary.stack}.yaml, run `up {summary.stack}`, then `destroy {summary.stack}` again."
    )


def replaceable(summary: "Summary") -> str:
    """Why an update is refused, and the lines of the stack file that allow it."""
    lines = [
        "Refused. Nothing was changed: protected resources hold data or are used by others.",
        "Undo the setting that causes it, or move the data first:",
        "docs/runbooks/replacing-what-is-protected.md",
        "If the data is no longer needed, allow the loss in the stack file:",
        "  platform:replaceable:",
    ]
    for change in summary.refused:
        lines += [f"    - urn: {change.urn}", "      reason: …", "      until: … # the last day, YYYY-MM-DD"]
    if any(change.operation == "delete" for change in summary.refused):
        lines.append("To delete a resource, run `up` with these lines first, then remove it.")
    return "\n".join(lines)
