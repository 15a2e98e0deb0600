"""A summary as a comment for a pull request: Markdown in which every value is code, never markup."""

import re
from collections.abc import Iterable, Iterator, Sequence

from deploy.costs.estimate import Line, difference, usd
from deploy.groups import grouped
from deploy.paragraph import paragraph
from deploy.parts_tree import tree
from deploy.summary import LOSING, Change, Summary, shortened

MOST = 20
"""Creations or updates that a comment lists one by one."""
PROPERTIES = (10, 3, 0)
"""Properties of a change that are listed: fewer if the comment would be too long."""
LONGEST = 60_000
"""Characters of a comment; GitHub's limit is 65,536 ("body is too long")."""
DRIFTED = {"delete": "Gone", "update": "Changed"}
TITLES = {"replace": "Replaced", "delete": "Deleted", "update": "Updated", "create": "Created"}


def as_markdown(summary: Summary) -> str:
    """The comment, shortened to GitHub's limit. What is left out is counted."""
    lines: list[str] = []
    for most in PROPERTIES:
        lines = list(_body(summary, most))
        if len("\n".join(lines)) <= LONGEST:
            break
    size = kept = 0
    while kept < len(lines) and (size := size + len(lines[kept]) + 1) <= LONGEST:
        kept += 1
    if kept < len(lines):
        lines[kept:] = ["", f"{len(lines) - kept} more lines: the log of the preview has them.", ""]
    size, left = len("\n".join(lines)), 0
    for file, text in _files(summary):
        block = f"<details><summary>{file}</summary>\n\n```diff\n{text.rstrip()}\n```\n</details>\n"
        size += len(block)
        left += size > LONGEST
        lines += [block] if size <= LONGEST else []
    if left:
        lines += [f"{left} more files differ: `python -m deploy render` writes all of them.", ""]
    return "\n".join(lines)


def code(text: str) -> str:
    """A text as code, whatever is in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def _body(summary: Summary, most: int) -> Iterator[str]:
    counts = " · ".join(f"**{n}** {op}" for op, n in sorted(summary.counts.items()))
    yield from (f"### {summary.operation} of `{summary.stack}`", "", paragraph(summary), "", counts, "")
    yield from _section("Settings", (setting.described(code) for setting in summary.causes.settings))
    yield from _section("The stack", (f"{what}: {code(value)}" for what, value in summary.about))
    if summary.new:
        lines = tree([one.urn for one in summary.changes], summary.parents)
        yield from ("<details><summary>What is created</summary>", "", "```", *lines, "```", "</details>", "")
    titles = TITLES | (DRIFTED if summary.operation == "drift" else {})
    for operation, title in titles.items() if not summary.new else ():
        # Sorted, because the order of events varies and comments are compared.
        changes = grouped(sorted(summary.of(operation), key=_by_weight))
        shown = changes if operation in LOSING else changes[:MOST]
        items = ["\n".join(_item(summary, group, most)) for group in shown]
        if len(changes) > len(shown):
            items.append(f"and {len(changes) - len(shown)} more")
        yield from _section(title, items)
    if summary.refused:
        yield "**Refused**: protected resources hold data or are used by others. `up` will exit with 3."
        yield ""
    yield from _section("Policy violations", summary.violations)
    yield from _section("Errors", summary.errors)
    yield from _section("Notes", summary.notes)
    if not summary.violations and summary.operation != "drift":
        partly = summary.unchecked or summary.incomplete or summary.errors
        checked = ", as far as this run could check" if partly else ""
        yield from (f"No policy of `policy/` is violated{checked}.", "")
    yield from _costs(summary)


def _section(title: str, items: Iterable[str]) -> list[str]:
    listed = [f"- {item}" for item in items]
    return [f"**{title}**", "", *listed, ""] if listed else []


def _by_weight(change: Change) -> tuple[bool, bool, str]:
    """Protected resources first, Jobs that only run again last."""
    return not change.protected, ":batch/v1:Job::" in change.urn, shortened(change.urn)


def _item(summary: Summary, group: Sequence[Change], most: int) -> Iterator[str]:
    change, names = group[0], [f"`{shortened(one.urn)}`" for one in group]
    reason = f": {', '.join(change.effects)}" if change.effects else ""
    if change.diff_keys and not (change.properties and most):
        reason += f" because of {', '.join(map(code, change.diff_keys))}"
    elif change.operation == "delete":
        gone = "it no longer exists" if summary.operation == "drift" else "the program no longer declares it"
        reason = f" because {gone}"
    yield f"{', '.join(names)}{reason}{' — **protected**' if change.protected else ''}"
    for one in change.properties[:most]:
        forced = ", forces the replacement" if one.forces else ""
        cause = summary.causes.of(one)
        yield f"  - {one.described(code)}{forced}{f' (from {code(cause)})' if cause else ''}"
    if most and (more := len(change.properties) - most) > 0:
        yield f"  - and {more} more properties"


def _costs(summary: Summary) -> Iterator[str]:
    """The estimate: what changes, or all parts of a new stack."""
    if not (found := summary.costs):
        return
    before, after = found
    yield "**Monthly costs** (estimate)"
    yield ""
    if summary.new:
        yield from ("| part | | USD |", "| --- | --- | --- |")
        yield from (f"| {line.part.name} | {line.part.what} | {line} |" for line in after.lines)
        yield f"| **sum** | | **{usd(after.least, after.most)}** |"
    else:
        yield from ("| part | before | after |", "| --- | --- | --- |")
        for old, new in difference(before, after):
            name = next(line.part.name for line in (new, old) if line)
            yield f"| {name} | {_cost(old)} | {_cost(new)} |"
        total = usd(after.least, after.most)
        yield f"| **sum** | **{usd(before.least, before.most)}** | **{total}** |"
    yield ""
    sources = f"List prices in USD of {after.dates}, without discounts and taxes (docs/costs.md)"
    yield f"{'; '.join(filter(None, (sources, after.uncounted)))}."
    yield ""


def _cost(line: Line | None) -> str:
    return f"{line.part.what}: {line}" if line else "none"


def _files(summary: Summary) -> list[tuple[str, str]]:
    """Differences of files that the list of properties does not show; in a new stack everything is new."""
    if summary.new:
        return []
    found = {
        file: text for change in summary.changes if not change.told for file, text in change.files.items()
    }
    return sorted(found.items())
