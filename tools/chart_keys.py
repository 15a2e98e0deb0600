"""Lists the values that each chart knows: `rehearsal/charts/<chart>.keys`.

    python -m tools.chart_keys CHARTS_DIR

Helm ignores a value that a chart does not know, so that a misspelled key has no effect and causes no error.
Charts are in no package registry; tests and rehearsals check our values against these lists.

`<chart>.crds` lists the kinds in a chart's `crds/`, each with a checksum: Helm never upgrades those, a Job
does (components/kubernetes/chart_crds.py).

Line 1 of both has the chart's version. In a `.keys` file each other line is a path. `a.b.*`: any key below
`a.b` (labels, resources, a value that a template prints whole).
`a[]`: a list, of anything unless other lines have keys of its items. `a.*.c`: key `c` below any key of `a`. A
key with a dot is in double quotes. The sources are the chart's values, its schema if it has one, the values
that its templates read, and keys that are commented out in the values and named in a template.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEYS = Path(__file__).resolve().parent.parent / "rehearsal" / "charts"
# Kubernetes' maps, and maps that a chart copies into a program's configuration.
FREE = re.compile(
    r"(^spec|annotations|labels|resources|affinity|nodeselector|securitycontext|env|\.ini)$", re.IGNORECASE
)
VALUES = r"[$.\w]*\.Values((?:\.\w+)+)"
READ = re.compile(VALUES)
INDEXED = re.compile(r'(?:index|hasKey)\s+[$.\w]*\.Values((?:\.\w+)*)((?:\s+"[^"]+")+)')
WHOLE = (
    re.compile(rf"toYaml\s+\(?{VALUES}"),
    re.compile(rf"{VALUES}\s*\|\s*(?:toYaml|toJson)"),
    re.compile(rf"range\s+\$\w+,\s*\$\w+\s*:=\s*{VALUES}"),
    re.compile(
        r"{{-?\s*with\s+"
        + VALUES
        + r"\s*-?}}(?:(?!{{-?\s*(?:with|range|if|end)\b).)*?(?:toYaml|tpl \(toYaml) \.[\s)|}]",
        re.DOTALL,
    ),
)
COMMENTED = re.compile(r"^(\s*)#+ ?(\s*)([a-z][\w-]*):(?: [^ ]|$)")
PLAIN = re.compile(r"^(\s*)([A-Za-z][\w.-]*|\"[^\"]+\"):(?:\s|$)")


@dataclass
class Node:
    """A key: the known keys below it, and whether any other may be there."""

    children: dict[str, Node] = field(default_factory=dict)
    free: bool = False
    closed: bool = False  # a schema allows no other keys
    items: bool = False

    def at(self, path: Iterable[str]) -> Node:
        """The node of `path`, created if it is new; or the free node above it."""
        node = self
        for name in path:
            if node.free:
                return node
            if name not in node.children:
                node.children[name] = Node()
            node = node.children[name]
        return node

    def loosen(self) -> None:
        """Allow any key below, unless a schema forbids it."""
        if not self.closed:
            self.free, self.children = True, {}

    def lines(self, path: str = "") -> Iterator[str]:
        """The paths that end here or below."""
        if self.free or (self.items and not self.children):
            yield path + (".*" if self.free else "[]")
        elif not self.children:
            yield path
        for name, child in self.children.items():
            quoted = f'"{name}"' if "." in name else name
            here = path + ("[]" if self.items else "")
            yield from child.lines(f"{here}.{quoted}" if here else quoted)


class Chart(dict[str, str]):
    """An unpacked chart: its files by path."""

    @property
    def about(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self["Chart.yaml"]))

    def dependencies(self) -> Iterator[tuple[str, Chart]]:
        """The charts in `charts/`, each with the key for its values in this chart."""
        keys = {one["name"]: one.get("alias", one["name"]) for one in self.about.get("dependencies", [])}
        names = {path.split("/")[1] for path in self if re.match(r"charts/[^/]+/", path)}
        for name in sorted(names):
            prefix = f"charts/{name}/"
            files = {path.removeprefix(prefix): self[path] for path in self if path.startswith(prefix)}
            yield keys.get(name, name), Chart(files)


def main(argv: list[str] | None = None) -> int:
    """Write the lists of all charts in a folder. The diff of a bump shows the changed keys."""
    parser = argparse.ArgumentParser(description="Write down which values each chart knows.")
    parser.add_argument("charts", type=Path, metavar="CHARTS_DIR", help="a folder of packaged charts")
    folder = parser.parse_args(argv).charts
    found = sorted(folder.glob("*.tgz"))
    if not found:
        print(f"{folder} holds no packaged chart (*.tgz).", file=sys.stderr)
        return 2
    KEYS.mkdir(exist_ok=True)
    for file in found:
        chart = read(file)
        lines = sorted(set(known(chart).lines()))
        name = f"{chart.about['name']}.keys"
        (KEYS / name).write_text("\n".join([f"# {chart.about['version']}", *lines]) + "\n")
        print(f"{name}: {len(lines)} paths")
        if kinds := sorted(crds(chart)):
            (KEYS / f"{chart.about['name']}.crds").write_text(
                "\n".join([f"# {chart.about['version']}", *kinds]) + "\n"
            )
    return 0


def read(package: Path) -> Chart:
    chart = Chart()
    with tarfile.open(package) as archive:
        for member in archive:
            if member.isfile() and (content := archive.extractfile(member)):
                chart[member.name.partition("/")[2]] = content.read().decode(errors="replace")
    return chart


def crds(chart: Chart) -> Iterator[str]:
    """The kinds in a chart's own `crds/`, each with a checksum."""
    for path, text in chart.items():
        if path.startswith("crds/") and "kind: CustomResourceDefinition" in text:
            yield f"{Path(path).stem} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def known(chart: Chart) -> Node:
    """Every value that a chart knows."""
    root, values = Node(), chart.get("values.yaml", "")
    from_values(root, yaml.safe_load(values) or {})
    if "values.schema.json" in chart:
        schema = json.loads(chart["values.schema.json"])
        from_schema(root, schema, schema)
    for key, dependency in chart.dependencies():
        merge(root.at([key]), known(dependency))
    templates = "\n".join(text for path, text in chart.items() if path.startswith("templates/"))
    from_templates(root, templates)
    from_comments(root, values, set(re.findall(r"\w+", templates)))
    root.free = False
    return root


def merge(node: Node, other: Node) -> None:
    """Add the keys of `other` to `node`."""
    node.free = False  # `{}` in the outer chart's values: the inner chart has the keys
    node.closed, node.items = node.closed or other.closed, node.items or other.items
    for name, child in other.children.items():
        if name in node.children:
            merge(node.children[name], child)
        else:
            node.children[name] = child
    if other.free:
        node.loosen()


def from_values(node: Node, values: Mapping[str, Any]) -> None:
    """Add the keys of the default values. Any key may be in an empty map and in an empty value."""
    for key, value in values.items():
        child = node.at([str(key)])
        if isinstance(value, dict) and value and not FREE.search(str(key)):
            from_values(child, value)
        elif isinstance(value, list):
            child.items = True
        elif value is None or isinstance(value, dict) or FREE.search(str(key)):
            child.loosen()


def from_schema(node: Node, part: Any, schema: Mapping[str, Any]) -> None:
    """Add the keys of a part of a JSON schema. `additionalProperties: false` overrides the other sources."""
    part = resolved(part, schema)
    for choice in (word for key in ("anyOf", "oneOf", "allOf") for word in part.get(key, [])):
        from_schema(node, choice, schema)
    properties, more = part.get("properties", {}), part.get("additionalProperties")
    others = resolved(more, schema)
    if (properties and more is False) or others.get("properties"):
        node.free, node.closed = False, True
    for name, value in properties.items():
        from_schema(node.at([name]), value, schema)
    if others.get("properties"):
        from_schema(node.at(["*"]), others, schema)
    elif more or (more is None and not properties and part.get("type") == "object"):
        node.loosen()
    if part.get("type") == "array":
        node.items = True
        from_schema(node, part.get("items"), schema)


def resolved(part: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a schema with its `$ref` resolved; `{}` for a bare `true`."""
    while isinstance(part, dict) and "$ref" in part:
        target: Any = schema
        for name in part["$ref"].lstrip("#/").split("/"):
            target = target[name]
        part = target
    return part if isinstance(part, dict) else {}


def from_templates(root: Node, text: str) -> None:
    """Add the keys that the templates read. If only templates name a value, its type is unknown: any key."""
    paths = {tuple(found.strip(".").split(".")) for found in READ.findall(text)}
    for path, names in INDEXED.findall(text):
        paths.add((*filter(None, path.split(".")), *re.findall(r'"([^"]+)"', names)))
    for path in sorted(paths, key=len, reverse=True):
        new = not exists(root, path)
        node = root.at(path)
        if new and not node.children:
            node.loosen()
    for pattern in WHOLE:
        for found in pattern.findall(text):
            node = root.at(found.strip(".").split("."))
            if not node.items:
                node.loosen()


def from_comments(root: Node, text: str, words: set[str]) -> None:
    """Add keys that are commented out in a map of the values, and named in a template."""
    above: list[tuple[int, str]] = []
    block: int | None = None  # the indent of a key with a block of text as its value
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if block is not None and (indent > block or not line.strip()):
            continue
        block = None
        if plain := PLAIN.match(line):
            above = [*(one for one in above if one[0] < indent), (indent, plain[2].strip('"'))]
            block = indent if re.search(r":\s+[|>][+-]?\d?$", line) else None
        elif commented := COMMENTED.match(line):
            depth, key = len(commented[1]) + len(commented[2]), commented[3]
            node: Node | None = root
            for _, name in [one for one in above if one[0] < depth]:
                node = node.children.get(name) if node else None
            if node and node.children and not node.items and key in words and key not in node.children:
                node.at([key]).loosen()


def exists(root: Node, path: Iterable[str]) -> bool:
    """Whether a path is known: itself, or below a free node."""
    node = root
    for name in path:
        if node.free:
            return True
        if name not in node.children:
            return False
        node = node.children[name]
    return True


if __name__ == "__main__":
    sys.exit(main())
