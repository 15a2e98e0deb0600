"""Changes that say the same, as one entry of a list."""

from collections.abc import Iterable, Sequence

from deploy.effects import ONLY_LABELS, ONLY_TAGS
from deploy.summary import Change

FEWEST = 3
"""Changes that become one entry."""
HARMLESS = {ONLY_TAGS, ONLY_LABELS}


def grouped(changes: Iterable[Change]) -> list[Sequence[Change]]:
    """Changes one by one, then groups of those of which only the same tags or labels change."""
    every = list(changes)
    same: dict[str, list[Change]] = {}
    for change in every:
        if (
            change.properties
            and change.known
            and not change.protected
            and HARMLESS.issuperset(change.effects)
        ):
            same.setdefault("; ".join(one.described() for one in change.properties), []).append(change)
    several = [group for group in same.values() if len(group) >= FEWEST]
    inside = {change.urn for group in several for change in group}
    return [*([change] for change in every if change.urn not in inside), *several]
