"""What a new stack creates, as a tree of its layers and components with the number of resources in each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

KINDS = 4
"""Types that a line names, the most frequent ones."""


def tree(created: Iterable[str], parents: Mapping[str, str]) -> Iterator[str]:
    """A line for each layer and each component in it. `parents` has the parent of each URN."""
    children: dict[str, dict[str, Counter[str]]] = {}
    for urn in created:
        above = list(_above(urn, parents))
        layer, component = (_name(each) for each in (*above[-2::-1], urn, "")[:2])
        kinds = children.setdefault(layer, {}).setdefault(component if len(above) > 2 else "", Counter())  # noqa: PLR2004
        kinds[urn.rpartition("::")[0].rpartition(":")[2]] += 1
    for layer, parts in sorted(children.items()):
        yield f"{layer}  {sum(kinds.total() for kinds in parts.values())}"
        rows = sorted(parts.items())
        for name, kinds in rows:
            branch = "└─" if name == rows[-1][0] else "├─"
            yield f"{branch} {name or '(of its own)'}  {kinds.total()}: {_kinds(kinds)}"


def _above(urn: str, parents: Mapping[str, str]) -> Iterator[str]:
    """The parents of a resource, from the nearest to the stack."""
    while urn := parents.get(urn, ""):
        yield urn


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _kinds(kinds: Counter[str]) -> str:
    most = [f"{number} {kind}" if number > 1 else kind for kind, number in kinds.most_common(KINDS)]
    rest = kinds.total() - sum(number for _, number in kinds.most_common(KINDS))
    return ", ".join([*most, f"{rest} more"] if rest else most)
