"""Reads settings and reports all problems at once, each with its key and a remedy."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components.config.model import Model, Problem, suggestion

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
        schema, errors = model.model_json_schema(), failed.errors(include_url=False)
        found = [_explained(error, schema, prefix) for error in errors if not _follows(error, errors)]
        settings = _readable(model, given)
        return settings, _in_order(model, [*found, *_broken(settings)])
    return settings, _in_order(model, list(_broken(settings)))


def _in_order(model: type[Model], problems: list[Problem]) -> list[Problem]:
    """Sort problems by section, in the order of the model's fields."""
    sections = [field.alias for field in model.model_fields.values()]
    of = {problem: re.split(r"[.\[]", problem.key)[0] for problem in problems}
    return sorted(problems, key=lambda p: sections.index(of[p]) if of[p] in sections else -1)


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because its items are invalid, which is already reported."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc for other in errors if other is not error
    )


def _broken(settings: Model, path: str = "") -> Iterator[Problem]:
    """Problems reported by the rules of a model and its nested models."""
    for rule in settings.rules():
        try:
            for problem in rule():
                yield Problem(_join(path, problem.key), problem.text)
        except UnreadError:  # the invalid field is already reported
            continue
    for name, field in type(settings).model_fields.items():
        value, key = settings.__dict__.get(name), _join(path, field.alias or name)
        if isinstance(value, Model):
            yield from _broken(value, key)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Model):
                    yield from _broken(item, f"{key}[{index}]")


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
            type_: Any = field.annotation
            for rule in field.metadata:
                type_ = Annotated[type_, rule]
            values[name] = TypeAdapter(type_).validate_python(given[key])
        except ValidationError:
            inner = _model_in(field)
            if inner and isinstance(given[key], Mapping):
                values[name] = _readable(inner, given[key])
            elif inner and isinstance(given[key], list):
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
    *parents, last = error["loc"] or ("",)
    key, given = _key(error["loc"]), error["input"]
    node = _node(schema, error["loc"])
    if error["type"] == "missing":
        start = "" if parents else prefix
        return Problem(key, f"missing; for example `{start}{last}: {json.dumps(example(node, schema))}`")
    if error["type"] == "extra_forbidden":
        known = _node(schema, parents).get("properties", {})
        return Problem(key, f"unknown key; {suggestion(str(last), known)}")
    if isinstance(given, int | float) and not isinstance(given, bool) and _is_text(node, schema):
        return Problem(key, f'{given} is a number here: put it in quotes, "{given}"{_choice(node)}')
    if error["type"] == "literal_error":
        return Problem(key, f"{given!r} is not a known value{_choice(node)}")
    if error["type"] == "value_error":
        return Problem(key, str(error["ctx"]["error"]))
    words = error["msg"].replace("Input should", "should")
    return Problem(key, f"{given!r} {words}; for example {json.dumps(example(node, schema))}")


def _choice(node: dict[str, Any]) -> str:
    allowed = node.get("enum") or ([node["const"]] if "const" in node else [])
    return f"; choose from {', '.join(map(json.dumps, allowed))}" if allowed else ""


def _is_text(node: dict[str, Any], schema: dict[str, Any]) -> bool:
    return isinstance(example(node, schema), str)


def _node(schema: dict[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    """The JSON Schema node for a path."""
    node = _followed(schema, schema)
    for step in path:
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        node = _followed(inner or {}, schema)
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
    if "const" in node or "default" in node:
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
        key = f"{key}[{step}]" if isinstance(step, int) else _join(key, step)
    return key


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key
