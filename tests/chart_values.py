"""Which values a chart would take without a word and never read."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.recorder import SECRET

FOLDER = Path(__file__).parent / "charts"
Known = dict[str, Any]


def known_keys(chart: str, version: str) -> list[str]:
    """The paths that `tools/chart_keys.py` took from a chart."""
    file = FOLDER / f"{chart}-{version}.keys"
    assert file.exists(), f"python -m tools.chart_keys CHARTS_DIR makes {file.name}"
    return file.read_text().splitlines()


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


def plain(value: Any) -> Any:
    """Values as they are, whether the engine marks them as secret or not."""
    if isinstance(value, dict):
        return plain(value["value"]) if SECRET in value else {k: plain(v) for k, v in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
