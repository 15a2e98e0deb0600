"""Writes docs/settings.md, the reference of a stack file's settings, from the settings' own models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.config.secrets import REQUIRED_SECRETS
from components.config.stack_file import PROJECT
from components.settings import schema

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every key of a stack file `Pulumi.<stack>.yaml`, under `config:`. Do not edit this page:
`make generate` writes it from the models in `components/`.

A key that the file leaves out has its default. `[]` stands for each item of a list. Types, ranges and
patterns are checked before anything is created, and so are the rules across settings (`components/rules.py`).
"""
Node = dict[str, Any]


def page() -> str:
    """The whole page."""
    whole = schema()
    config, models = whole["properties"]["config"], whole["$defs"]
    parts = [HEAD]
    for key, node in config["properties"].items():
        if key.removeprefix(f"{PROJECT}:") in REQUIRED_SECRETS:
            secret = f"{node['description'][0].upper()}{node['description'][1:]}"
            parts.append(f"## {key}\n\n{secret}. A secret: `pulumi config set --secret {key}`.\n")
            continue
        parts.append(f"## {key}\n")
        about = model(node, models).get("description")
        if about:
            parts.append(f"{line(about)}\n")
        rows = list(rows_of("", node, models, required=key in config["required"]))
        path, kind, default, _ = rows[0]
        if not path:
            parts.append(f"{kind}, {default or 'optional'}\n")
            continue
        parts.append("| key | type | default | description |\n| --- | --- | --- | --- |")
        parts.extend(f"| {cell(path)} | {' | '.join(rest)} |" for path, *rest in rows)
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def model(node: Node, models: Node) -> Node:
    """The model that a node refers to, directly, as an option or as list items; else the node itself."""
    for each in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        if "$ref" in each:
            return dict(models[each["$ref"].rpartition("/")[2]])
        if "$ref" in each.get("items", {}):
            return dict(models[each["items"]["$ref"].rpartition("/")[2]])
    return node


def rows_of(path: str, node: Node, models: Node, *, required: bool) -> Iterator[tuple[str, ...]]:
    """The path, type, default and description of a setting, or of each setting below it."""
    found = model(node, models)
    if "properties" not in found:
        description = node.get("description") or found.get("description", "")
        yield path, type_of(node, models), default_of(node, required=required), line(description)
        return
    if any(each.get("type") == "array" for each in (node, *node.get("anyOf", ()))):
        path += "[]"
    chosen = node.get("default")
    for key, inner in found["properties"].items():
        child = {**inner, "default": chosen[key]} if isinstance(chosen, dict) and key in chosen else inner
        below = f"{path}.{key}" if path else key
        yield from rows_of(below, child, models, required=key in found.get("required", ()))


def type_of(node: Node, models: Node) -> str:
    """A type in a few words, with its limits."""
    choices = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(type_of(each, models) for each in choices))
    if "$ref" in node:
        return type_of(model(node, models), models)
    if "enum" in node or "const" in node:
        return ", ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    if node.get("type") == "array":
        return f"list of {type_of(node['items'], models)}"
    if node.get("type") == "object":
        values = node.get("additionalProperties")
        return f"map to {type_of(values, models)}" if isinstance(values, dict) else "map"
    low, high = node.get("minimum"), node.get("maximum")
    limits = "" if low is None else f" ≥ {low}" if high is None else f" {low} to {high}"
    kind = node.get("type", "any")
    return f"{kind[0] if isinstance(kind, list) else kind}{limits}"


def default_of(node: Node, *, required: bool) -> str:
    """The default as YAML in one line."""
    if required:
        return "required"
    value = node.get("default")
    return "" if value is None else cell(value if isinstance(value, str) else json.dumps(value))


def cell(text: str) -> str:
    """Code within a table's cell."""
    return f"`{text}`" if text else ""


def line(text: str) -> str:
    """Text in one line, safe within a table."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


if __name__ == "__main__":
    PAGE.write_text(page())
