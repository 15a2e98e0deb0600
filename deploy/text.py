"""A summary as text for a terminal."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.causes import Causes
from deploy.costs.estimate import increase, usd
from deploy.groups import grouped
from deploy.parts_tree import tree
from deploy.summary import Change, Summary, few, shortened

DRIFTED = {"update": "changed", "delete": "gone"}
"""What has happened, in place of what an update would do."""
NAMED = 3
"""Resources of a group that are named."""
MOST = 20
"""Properties of one change that are listed."""


def as_text(summary: Summary, width: int | None = None) -> str:
    """Counts, then each change with its properties; of a new stack its parts. Wrapped on a terminal."""
    if width is None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    return "\n".join(part for line in _lines(summary) for part in _wrapped(line, width))


def _wrapped(line: str, width: int | None) -> list[str]:
    if not width or len(line) <= width:
        return [line]
    after = " " * (len(line) - len(line.lstrip(" ├└─")) + 2)
    return textwrap.wrap(line, width, subsequent_indent=after, break_on_hyphens=False, break_long_words=False)


def _lines(summary: Summary) -> Iterator[str]:
    counts = ", ".join(f"{number} {operation}" for operation, number in sorted(summary.counts.items()))
    yield f"{summary.operation} {summary.stack}: {counts} in {summary.seconds:.1f} s"
    for setting in summary.causes.settings:
        yield f"  setting {setting.described()}"
    yield from (f"  {what}: {value}" for what, value in summary.about)
    if summary.new:
        yield from (f"  {line}" for line in tree([one.urn for one in summary.changes], summary.parents))
    elif summary.operation != "destroy" or summary.failed:
        for group in grouped(summary.changes):
            yield f"  {_headline(summary, group)}"
            yield from _properties(group[0], summary.causes)
    yield from (f"  policy violation: {violation}" for violation in summary.violations)
    yield from (f"  error: {error}" for error in summary.errors)
    yield from (f"  {note}" for note in summary.notes)
    if summary.operation == "drift" and summary.changes:
        reverts = f"`up {summary.stack} --refresh` reverts it, except inside Helm releases"
        yield f"  {reverts}; or take it over into the program or the stack file"
    yield from costs(summary)
    yield from listed(summary.outputs)


def _headline(summary: Summary, group: Sequence[Change]) -> str:
    change, names = group[0], [shortened(one.urn) for one in group]
    verb = (
        DRIFTED.get(change.operation, change.operation) if summary.operation == "drift" else change.operation
    )
    does = f": {', '.join(change.effects)}" if change.effects else ""
    held = ", which is protected" if change.protected else ""
    return f"{verb} {few(names, NAMED)}{change.keys}{held}{does}"


def _properties(change: Change, causes: Causes) -> Iterator[str]:
    for one in change.properties[:MOST]:
        forced = ", forces the replacement" if one.forces else ""
        cause = causes.of(one)
        yield f"      {one.described()}{forced}{f'  (from {cause})' if cause else ''}"
    if (more := len(change.properties) - MOST) > 0:
        yield f"      and {more} more properties"


def costs(summary: Summary) -> Iterator[str]:
    """One line with the estimate and its difference."""
    if found := summary.costs:
        before, after = found
        more = increase(before, after)
        changes = "" if summary.new else f" ({more})" if more != "+0" else " (no change)"
        notes = "; ".join(filter(None, (f"list prices of {after.dates}", after.uncounted)))
        yield f"  costs: about {usd(after.least, after.most)} USD a month{changes}; {notes}"


def listed(outputs: Mapping[str, Any], indent: int = 2) -> list[str]:
    """Outputs, one a line; a mapping's entries are indented below its name."""
    width, lines = max(map(len, outputs), default=0), []
    for name, value in sorted(outputs.items()):
        if isinstance(value, Mapping) and value:
            lines += [f"{'':{indent}}{name}", *listed(value, indent + 2)]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            lines.append(f"{'':{indent}}{name:<{width}}  {text or 'none'}")
    return lines
