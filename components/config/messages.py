"""Reads settings and reports all problems at once, each with its key and a remedy."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components.config.model import Model, Problem, indexed, joined, shown, suggestion

M = TypeVar("M", bound=Model)


class UnreadError(Exception):
    """A rule accessed a field that has no valid value."""


def read(model: type[M], given: object, prefix: str = "") -> tuple[M, list[Problem]]:
    """Return the settings and all problems. If there are any, only the valid fields are set.

    `prefix` precedes top-level keys in the stack file, for use in examples.
    """
    try:
        settings = model.model_validate(given)
    except ValidationError as failed:
        schema, errors = _schema(model), failed.errors(include_url=False)
        found = [_explained(error, schema, prefix) for error in errors if not _follows(error, errors)]
        settings = _readable(model, given)
        return settings, _in_order(model, [*found, *_broken(settings)])
    return settings, _in_order(model, list(_broken(settings)))


@cache
def _schema(model: type[Model]) -> dict[str, Any]:
    return model.model_json_schema()


@cache
def _adapter(model: type[Model], name: str) -> TypeAdapter[Any]:
    """Validates one field of a model."""
    field = model.model_fields[name]
    type_: Any = field.annotation
    for rule in field.metadata:
        type_ = Annotated[type_, rule]
    return TypeAdapter(type_)


def _in_order(model: type[Model], problems: list[Problem]) -> list[Problem]:
    """Sort problems by section, in the order of the model's fields."""
    sections = [field.alias for field in model.model_fields.values()]
    of = {problem: re.split(r"[.\[]", problem.key)[0] for problem in problems}
    return sorted(problems, key=lambda p: sections.index(of[p]) if of[p] in sections else -1)


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a problem is the consequence of another one, which is already reported.

    A list is too short only because its items are invalid, or a key is missing because it is misspelt.
    """
    *parents, last = loc = error["loc"] or ("",)
    if error["type"] == "missing":
        beside = [
            e["loc"][-1] for e in errors if e["type"] == "extra_forbidden" and [*e["loc"]][:-1] == parents
        ]
        return bool(get_close_matches(str(last), map(str, beside)))
    return error["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc for other in errors if other is not error
    )


def _broken(settings: Model, path: str = "") -> Iterator[Problem]:
    """Problems reported by the rules of a model and its nested models."""
    with suppress(UnreadError):  # a rule that is chosen by an invalid field
        for rule in settings.rules():
            with suppress(UnreadError):  # the invalid field is already reported
                for problem in rule():
                    yield Problem(joined(path, problem.key), problem.text)
    for name, field in type(settings).model_fields.items():
        value, key = settings.__dict__.get(name), joined(path, field.alias or name)
        if isinstance(value, Model):
            yield from _broken(value, key)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Model):
                    yield from _broken(item, indexed(key, index))


def _readable(model: type[M], given: object) -> M:
    """The model with only its valid fields. Access to any other field raises an UnreadError."""
    values = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if not isinstance(given, Mapping) or key not in given:
            if not field.is_required():
                values[name] = field.get_default(call_default_factory=True, validated_data={})
            continue
        try:
            values[name] = _adapter(model, name).validate_python(given[key])
        except ValidationError:
            inner, many = _model_in(field), get_origin(field.annotation) is tuple
            if inner and isinstance(given[key], Mapping) and not many:
                values[name] = _readable(inner, given[key])
            elif inner and isinstance(given[key], list) and many:
                values[name] = tuple(_readable(inner, item) for item in given[key])
    partial: type[Model] = type(model.__name__, (model,), {"__module__": __name__, "__getattr__": _unread})
    settings = partial.model_construct()
    settings.__dict__.clear()
    settings.__dict__.update(values)
    return cast("M", settings)


def _unread(self: Model, name: str) -> object:
    """Raise UnreadError only for known fields, so that a misspelt name in a rule stays an error."""
    if name in type(self).model_fields:
        raise UnreadError(name)
    raise AttributeError(name)


def _model_in(field: FieldInfo) -> type[Model] | None:
    """The settings model in a field's type, directly or as a list item."""
    types = (field.annotation, *get_args(field.annotation))
    return next((type_ for type_ in types if isinstance(type_, type) and issubclass(type_, Model)), None)


def _explained(error: ErrorDetails, schema: dict[str, Any], prefix: str) -> Problem:
    loc = error["loc"] or ("",)
    path = loc[:-1] if loc[-1] == NAME else loc
    parent, node = _node(schema, path[:-1]), _node(schema, path)
    if error["type"] == "missing":
        start = prefix if len(path) == 1 else ""
        text = f"missing; for example `{start}{path[-1]}: {json.dumps(example(node, schema))}`"
    elif error["type"] == "extra_forbidden":
        text = f"unknown key; {suggestion(str(path[-1]), parent.get('properties', {}))}"
    elif loc[-1] == NAME:
        text = _wrong_value(error, node, schema)
    elif error["input"] is None:
        optional = isinstance(path[-1], str) and path[-1] not in parent.get("required", ())
        text = f"is empty; {_remedy(node, schema)}{', or remove the line' if optional else ''}"
    else:
        wrong = _wrong_kind(error["input"], node, schema)
        text = wrong or _wrong_value(error, node, schema)
    return Problem(_key(path), text)


NAME = "[key]"
"""Pydantic's step of a path to the name of a key."""
KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
}
"""Types of JSON Schema in words."""


def _wrong_kind(given: object, node: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """What is wrong with a value of another kind than its setting; None if its kind is right."""
    kinds = node.get("type", [])
    kind = kinds if isinstance(kinds, str) else next(iter(kinds), "string")
    if isinstance(given, list | dict):
        is_kind = "array" if isinstance(given, list) else "object"
        if isinstance(given, dict) and "secure" in given:
            return f"is encrypted, and no secret; write it in plain text, {_remedy(node, schema)}"
        wrong = None if kind == is_kind else f"is {KINDS[is_kind]} and should be {KINDS[kind]}"
    elif kind in ("array", "object"):
        wrong = f"{shown(given)} should be {KINDS[kind]}"
    elif kind == "string" and not isinstance(given, str):
        what = "a number" if isinstance(given, int | float) and not isinstance(given, bool) else "no text"
        what = "a date" if isinstance(given, date) else what
        return f'{shown(given)} is {what} here: put it in quotes, "{shown(given)}"{_choice(node)}'
    elif node.get("format") == "date":
        wrong = f"{shown(given)} is not a date"
    elif kind == "boolean":
        wrong = f"{shown(given)} is neither true nor false"
    elif kind in ("integer", "number") and not _is_number(given, kind):
        wrong = f"{shown(given)} is not {KINDS[kind]}"
    else:
        return None
    return wrong and f"{wrong}{_choice(node) or '; ' + _remedy(node, schema)}"


def _is_number(given: object, kind: str) -> bool:
    try:
        number = float(str(given))
    except ValueError:
        return False
    return not isinstance(given, bool) and math.isfinite(number) and (kind == "number" or number.is_integer())


def _wrong_value(error: ErrorDetails, node: dict[str, Any], schema: dict[str, Any]) -> str:
    """What is wrong with a value of the right kind."""
    if error["type"] == "literal_error":
        return f"{shown(error['input'])} is not a known value{_choice(node)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] in ("too_short", "too_long"):
        return f"{_should(error)}, and has {error['ctx']['actual_length']}; {_remedy(node, schema)}"
    return f"{shown(error['input'])} {_should(error)}; {_remedy(node, schema)}"


def _remedy(node: dict[str, Any], schema: dict[str, Any]) -> str:
    inner = node.get("properties", {})
    if inner and not node.get("required"):
        return f"write keys below it ({', '.join(inner)}), or {{}} for the defaults"
    return f"for example {json.dumps(example(node, schema))}"


def _should(error: ErrorDetails) -> str:
    """Pydantic's words, without its own for the value: `should have at least 1 item`."""
    return re.sub(r"^\w+ should", "should", error["msg"].partition(" after validation")[0])


def _choice(node: dict[str, Any]) -> str:
    allowed = node.get("enum") or ([node["const"]] if "const" in node else [])
    return f"; choose from {', '.join(map(json.dumps, allowed))}" if allowed else ""


def _node(schema: dict[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    """The JSON Schema node for a path."""
    node = _followed(schema, schema)
    for step in path:
        if isinstance(step, int):
            inner = node.get("items")
        else:
            inner = node.get("properties", {}).get(step, node.get("additionalProperties"))
        node = _followed(inner if isinstance(inner, dict) else {}, schema)
    return node


def _followed(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", []):
        if option.get("type") != "null":
            return _followed({**node, "anyOf": [], **option}, schema)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return {**schema["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def example(node: dict[str, Any], schema: dict[str, Any]) -> object:
    """An example value for a schema node."""
    node = _followed(node, schema)
    for key in ("examples", "enum"):
        if node.get(key):
            return node[key][0]
    if "const" in node or node.get("default", []) != []:
        return node.get("const", node.get("default"))
    if node.get("type") == "object":
        inner = node.get("properties", {})
        return {key: example(inner[key], schema) for key in node.get("required", [])}
    if node.get("type") == "array":
        return [example(node["items"], schema)]
    return {"integer": node.get("minimum", 1), "boolean": True}.get(node.get("type", ""), "text")


def _key(loc: tuple[str | int, ...]) -> str:
    key = ""
    for step in loc:
        key = indexed(key, step) if isinstance(step, int) else joined(key, step)
    return key
