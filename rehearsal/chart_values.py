"""Values that a chart would silently ignore.

`charts/<chart>.keys` lists the values that a chart reads, with the chart's version in line 1
(tools/chart_keys.py writes it). Helm refuses other values only if the chart has a strict schema; most
have none.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.kubernetes.charts import name_of

FOLDER = Path(__file__).parent / "charts"
Known = dict[str, Any]


def problems(release: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each (property, reason) of a value that the release's chart does not know, in Helm's words.

    A version without a list is not checked, such as a newer one that a stack tries.
    """
    version = str(release.get("version"))
    chart, values = name_of(str(release.get("chart")), version), release.get("values")
    known = known_keys(chart, version)
    for path in unknown_keys(values, known) if known and isinstance(values, Mapping) else ():
        yield f"values.{path}", f"additional properties not allowed: {chart} {version} does not know it"


@functools.cache
def known_keys(chart: str, version: str) -> tuple[str, ...]:
    """The listed paths of a chart, or none if the list is of another version."""
    file = FOLDER / f"{chart}.keys"
    listed, *paths = file.read_text().splitlines() if file.exists() else [""]
    return tuple(paths) if listed == f"# {version}" else ()


def unknown_keys(values: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """The paths in `values` that `keys` do not name."""
    tree: Known = {}
    for key in keys:
        node = tree
        for quoted, plain in re.findall(r'"([^"]+)"|(\[]|[^."[]+)', key):
            node = node.setdefault(quoted or plain, {})
    return sorted(set(_unknown(values, tree, "")))


def _unknown(value: Any, node: Known, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if node == {"[]": {}}:  # a list by default; some charts take a map as well
            return
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            if name in node:
                yield from _unknown(inner, node[name], here)
            elif "*" not in node:
                yield here
            elif node["*"]:
                yield from _unknown(inner, node["*"], here)
    elif isinstance(value, list) and node.get("[]"):
        for item in value:
            yield from _unknown(item, node["[]"], f"{path}[]")
