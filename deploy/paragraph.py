"""The first paragraph of a comment: what the change does, in words."""

from collections.abc import Iterator

from deploy.costs.estimate import increase, usd
from deploy.effects import ORDER
from deploy.summary import Change, Summary, few, shortened

NAMED = 3
"""Resources that a sentence names."""


def paragraph(summary: Summary) -> str:
    """Sentences without a line break."""
    return " ".join(_sentences(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    changes = summary.changes
    if not changes:
        yield "The run ended with an error." if summary.errors else "Nothing changes."
    elif summary.operation == "drift":
        yield f"{_number(changes, 'differs', 'differ')} from the state: {_names(changes)}."
    elif summary.new:
        yield f"A new stack: {_number(changes, 'is', 'are')} created."
    else:
        if summary.refused:
            yield f"`up` will refuse this: it loses what is protected ({_names(summary.refused)})."
        yield from _effects(summary)
        for operation in ("create", "delete"):
            if some := summary.of(operation):
                yield f"{_number(some, 'is', 'are')} {operation}d."
        yield from _cause(summary)
    yield from _costs(summary)


def _effects(summary: Summary) -> Iterator[str]:
    found: dict[str, list[Change]] = {}
    for change in summary.changes:
        for effect in change.effects:
            found.setdefault(effect, []).append(change)
    for effect, changes in sorted(found.items(), key=lambda one: ORDER[one[0]]):
        yield f"{effect[0].upper()}{effect[1:]} ({_names(changes)})."
    others = [one for one in summary.changes if one.operation in {"update", "replace"} and not one.known]
    if perhaps := [one for one in others if one.perhaps]:
        yield f"{_names(perhaps)} may stay the same: only the update knows the new value."
    if others := [one for one in others if not one.perhaps]:
        yield f"The effect on running parts is not known here for {_names(others)}."


def _cause(summary: Summary) -> Iterator[str]:
    settings = [one for one in summary.causes.settings if not without_effect(summary, one.path)]
    if settings and summary.causes.alone:
        names = ", ".join(f"`{setting.path}`" for setting in settings[:NAMED])
        more = f" and {len(settings) - NAMED} more settings" if len(settings) > NAMED else ""
        yield f"All of it follows from {names}{more}."


def without_effect(summary: Summary, path: str) -> bool:
    """Whether a warning says that the setting's new value does nothing (deploy/remarks.py)."""
    return any(text.startswith(f"{path} is ") for text in summary.warnings)


def _costs(summary: Summary) -> Iterator[str]:
    if found := summary.costs:
        before, after = found
        more = increase(before, after)
        if summary.new:
            yield f"It costs about {usd(after.least, after.most)} USD a month."
        elif more == "+0":
            yield "The estimate of the monthly costs stays the same."
        else:
            yield f"The monthly costs change by about {more} USD."


def _names(changes: list[Change]) -> str:
    return few((f"`{shortened(change.urn)}`" for change in changes), NAMED)


def _number(changes: list[Change], one: str, several: str) -> str:
    return f"1 resource {one}" if len(changes) == 1 else f"{len(changes)} resources {several}"
