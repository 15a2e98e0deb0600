"""The goldens: a stack's resources with inputs and options, and its differences from another stack.

Parents, providers and dependencies are left out: tests/test_graph.py and tests/test_main.py check those.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.support.recorder import RELEASE, SECRET, Recorder, Registered

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
CONTENT = ("kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret")
IN_OTHER_TESTS = ("parent", "provider", "providers", "dependencies")
LONG = 400
"""A text with more characters than this is shown by its checksum, except in the values of a release."""
WIDTH = 100
"""A mapping or list that fits is written on one line."""
Inventory = dict[str, Any]


def inventory(recorder: Recorder) -> Inventory:
    """Resources by type and name."""
    found: Inventory = {}
    for resource in recorder.resources:
        if resource.type.startswith("platform:"):
            continue
        key = f"{resource.type} {resource.name}"
        assert key not in found, f"{key} exists twice: give one of them another name"
        found[key] = entry(resource)
    return dict(sorted(found.items()))


def entry(resource: Registered) -> Any:
    inputs = {k: v for k, v in resource.inputs.items() if k not in {"apiVersion", "kind"}}
    if resource.type in CONTENT:
        for key in inputs.keys() & {"data", "stringData"}:
            inputs[key] = contents(resource.type, inputs[key])
    if resource.type == POLICY:
        inputs["spec"] = policy(inputs["spec"])
    options = {k: v for k, v in resource.options.items() if k not in IN_OTHER_TESTS}
    shown = plain(inputs, limit=None if resource.type == RELEASE else LONG)
    return shown | ({"options": plain(options, limit=None)} if options else {})


def contents(type_: str, data: Any) -> Any:
    """A Secret by the names of its keys, a ConfigMap with checksums of its files."""
    data = data["value"] if SECRET in data else data
    if type_.endswith("Secret"):
        return sorted(data)
    return {key: checksum(text) if "\n" in text else text for key, text in data.items()}


def checksum(text: str) -> str:
    lines = text.count("\n") + 1
    return f"{lines} lines, sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def policy(spec: Mapping[str, Any]) -> Any:
    """A NetworkPolicy's rules, one line each: `from monitoring pods app=prometheus on TCP/9391`."""
    shown = {k: v for k, v in spec.items() if k not in {"ingress", "egress", "podSelector"}}
    shown["pods"] = selector(spec["podSelector"])
    for direction, side in (("ingress", "from"), ("egress", "to")):
        if direction in spec:
            shown[direction] = [
                f"{side} {' or '.join(peer(each) for each in rule.get(side, [])) or 'anywhere'}"
                f" on {' '.join(port(each) for each in rule.get('ports', [])) or 'any port'}"
                for rule in spec[direction]
            ]
    return shown


def peer(each: Mapping[str, Any]) -> str:
    parts = []
    for key, value in each.items():
        if key == "ipBlock":
            apart = value.get("except", [])
            parts.append(value["cidr"] + (f" except {', '.join(apart)}" if apart else ""))
        elif key == "namespaceSelector":
            names = value.get("matchLabels", {})
            own = names.get("kubernetes.io/metadata.name")
            parts.insert(0, own if own and len(names) == len(value) == 1 else f"namespaces {selector(value)}")
        elif key == "podSelector":
            parts.append(f"pods {selector(value)}")
        else:
            parts.append(f"{key} {value}")
    return " ".join(parts)


def port(each: Mapping[str, Any]) -> str:
    end = f"-{number(each['endPort'])}" if "endPort" in each else ""
    return f"{each.get('protocol', 'TCP')}/{number(each.get('port', 'any'))}{end}"


def selector(value: Mapping[str, Any]) -> str:
    labels = [f"{k}={v}" for k, v in value.get("matchLabels", {}).items()]
    rest = {k: v for k, v in value.items() if k != "matchLabels"}
    return ",".join([*labels, *([json.dumps(rest, sort_keys=True)] if rest else [])]) or "all"


def number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(value: Any, limit: int | None) -> Any:
    """Inputs without the engine's envelopes: `{secret: …}` is a value that is registered as one."""
    if isinstance(value, Mapping):
        if SECRET in value:
            return {"secret": plain(value["value"], limit)}
        return {key: plain(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, limit) for item in value]
    if isinstance(value, str) and limit and len(value) > limit:
        return checksum(value)
    return number(value)


def difference(base: Inventory, other: Inventory, names: tuple[str, str]) -> str:
    """How a stack differs from another one, a line for each property. Their own names are no difference."""
    lines = []
    for key in sorted({*base, *other}):
        if key not in other:
            lines.append(f"- {key}")
        elif key not in base:
            lines.append(f"+ {key}")
            lines += [f"    {path}: {shown(value)}" for path, value in flat(other[key])]
        else:
            old, new = dict(flat(base[key])), dict(flat(other[key]))
            paths = sorted({*old, *new})
            changed = [
                f"    {path}: {change(old, new, path)}" for path in paths if differ(old, new, path, names)
            ]
            lines += [f"~ {key}", *changed] if changed else []
    return "".join(f"{line}\n" for line in lines)


def differ(old: Mapping[str, Any], new: Mapping[str, Any], path: str, names: tuple[str, str]) -> bool:
    if path not in old or path not in new:
        return True
    if old[path] == new[path]:
        return False
    values = zip((old[path], new[path]), names, strict=True)
    return (
        len({re.sub(rf"(?<![a-z]){name}(?![a-z])", "<stack>", json.dumps(value)) for value, name in values})
        > 1
    )


def change(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> str:
    if path not in new:
        return f"{shown(old[path])} → (none)"
    if path not in old:
        return f"(none) → {shown(new[path])}"
    if isinstance(old[path], list) and isinstance(new[path], list):
        gone = [f"-{shown(item)}" for item in old[path] if item not in new[path]]
        more = [f"+{shown(item)}" for item in new[path] if item not in old[path]]
        if gone or more:
            return " ".join([*gone, *more])
    return f"{shown(old[path])} → {shown(new[path])}"


def shown(value: Any) -> str:
    if isinstance(value, str) and len(value) > LONG:
        return checksum(value)
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each property by its path; an item of a list by its name, where it has one."""
    if isinstance(value, Mapping) and value:
        for key, item in sorted(value.items()):
            yield from flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        names = [item.get("name") if isinstance(item, Mapping) else None for item in value]
        by_name = None not in names and len(set(names)) == len(names)
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{names[index] if by_name else index}]")
    else:
        yield path, value


class Compact(yaml.SafeDumper):
    """Short mappings and lists on one line, texts of several lines as they read."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:  # noqa: FBT001
        return self.one_line(super().represent_mapping(tag, mapping, flow_style))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:  # noqa: FBT001
        return self.one_line(super().represent_sequence(tag, sequence, flow_style))

    def represent_str(self, data: str) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    @staticmethod
    def one_line(node: Any) -> Any:
        node.flow_style = length(node) <= WIDTH
        return node


Compact.add_representer(str, Compact.represent_str)


def length(node: Any) -> int:
    """How long a node is on one line."""
    if isinstance(node, yaml.ScalarNode):
        return WIDTH + 1 if node.style == "|" else len(node.value) + 2
    if isinstance(node, yaml.MappingNode):
        return 2 + sum(length(key) + length(item) + 2 for key, item in node.value)
    return 2 + sum(length(item) + 2 for item in node.value)


def written(content: Any) -> str:
    return str(yaml.dump(content, Dumper=Compact, width=10_000, allow_unicode=True))


def files(base: Inventory) -> dict[str, str]:
    """The files that show an inventory: each release's values, and every other resource."""
    releases = {key.partition(" ")[2]: value for key, value in base.items() if key.startswith(RELEASE)}
    objects = {key: value for key, value in base.items() if not key.startswith(RELEASE)}
    named = {f"releases/{name}.yaml": written(value) for name, value in releases.items()}
    return named | {"objects.yaml": "\n".join(written({key: value}) for key, value in objects.items())}
