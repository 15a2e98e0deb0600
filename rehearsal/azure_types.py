"""Judges inputs by what Microsoft publishes of each ARM type, at the API version sent: `azure-types/*.json`.

`python -m tools.azure_types` derives the files and describes their format.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rehearsal.properties import UNKNOWN, Props

FILES = Path(__file__).parent / "azure-types"
KINDS = {"boolean": bool, "integer": int | float, "string": str, "array": list, "map": dict, "object": dict}
LIMITS: dict[str, Callable[[Any, Any], Any]] = {
    "pattern": lambda value, limit: re.search(limit, value),
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
    "minValue": lambda value, limit: value >= limit,
    "maxValue": lambda value, limit: value <= limit,
}


class Judgement(NamedTuple):
    """A rule as applied to a property. `reason` is empty if the property obeys it."""

    path: str
    rule: str
    reason: str = ""


def path_of(token: str) -> Path:
    """The file of a resource type (`azure-native:network:Subnet`)."""
    return FILES / f"{token.partition(':')[2].replace(':', '.')}.json"


@functools.cache
def azure_type(token: str) -> Props:
    found: Props = json.loads(path_of(token).read_text())
    return found


def problems(token: str, inputs: Props) -> Iterator[tuple[str, str]]:
    """Each (property, reason) of an input that Azure refuses by the type alone."""
    of = azure_type(token)
    for path, _, reason in judge(token, inputs):
        if reason:
            yield path, f"{reason} ({of['type']}, API version {of['apiVersion']})"


def judge(token: str, inputs: Props) -> Iterator[Judgement]:
    """Every rule of a type, as applied to an object's inputs. Values that are not known yet obey all."""
    return _object(azure_type(token)["objects"], "", inputs, "")


def _object(objects: Props, name: str, given: Props, place: str) -> Iterator[Judgement]:
    known = objects[name]
    given = {key: value for key, value in given.items() if value is not None and not key.startswith("__")}
    for key in (key for key in {**known, **given} if key in given or "required" in known[key]):
        here, node = f"{place}.{key}" if place else key, known.get(key)
        if node is None:
            has = ", ".join(each for each in known if "readOnly" not in known[each])
            yield Judgement(here, "unknown", f"is no property of {name or 'the resource'}, which has {has}")
        elif key not in given:
            yield Judgement(here, "required", "is required")
        elif "readOnly" in node:
            yield Judgement(here, "readOnly", "is read-only: leave it out")
        else:
            yield from (
                Judgement(here, rule) for rule in ("unknown", "required") if rule in {"unknown", *node}
            )
            yield from _value(objects, node, given[key], here)


def _chosen(node: Props, value: Any) -> Props:
    """Which of several objects a value is; if it is none of them, its property says so."""
    choices: Props = node["objects"]
    chosen = str(value.get(node["by"])) if isinstance(value, dict) else ""
    return {"object": choices.get(chosen, next(iter(choices.values())))}


def _value(objects: Props, node: Props, value: Any, here: str) -> Iterator[Judgement]:
    if "by" in node:
        node = _chosen(node, value)
    kind = next((k for k in ("array", "map", "object") if k in node), node.get("type", "string"))
    if kind == "any" or value == UNKNOWN:
        return
    if kind == "map" and isinstance(value, list):  # azure-native takes the keys alone, of a map to nothing
        value = {key: {} for key in value if isinstance(key, str)}
    fits = isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    yield Judgement(here, "kind", "" if fits else f"is {value!r}, and must be of the kind {kind}")
    if not fits:
        return
    if "enum" in node:
        wrong = f"is {value!r}, and must be one of {', '.join(node['enum'])}"
        wrong += " (at this API version; Azure may take newer ones)" if "open" in node else ""
        yield Judgement(here, "enum", "" if value in node["enum"] else wrong)
    for rule, obeys in LIMITS.items():
        if rule in node:
            wrong = f"is {value!r}, against its {rule} {node[rule]}"
            yield Judgement(here, rule, "" if obeys(value, node[rule]) else wrong)
    if kind == "object":
        yield from _object(objects, node["object"], value, here)
    for key, item in value.items() if kind == "map" else enumerate(value) if kind == "array" else ():
        yield from _value(objects, node[kind], item, f"{here}[{json.dumps(key)}]")
