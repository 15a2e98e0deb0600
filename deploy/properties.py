"""The old and the new value of each property that a step changes, without secrets."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import unified_diff
from typing import Any, NamedTuple

from deploy.render import UNKNOWN, hidden

SECRET_OBJECT = "kubernetes:core/v1:Secret"  # noqa: S105 a type, not a password
MISSING = object()
"""In place of a value that is not set."""
LONGEST = 100
"""Characters of a value that are shown."""
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')
"""One step of the engine's property paths: `a.b[0]["c.d"]` (pulumi/pkg, resource.PropertyPath)."""
Path = tuple[str | int, ...]


class Property(NamedTuple):
    """A property that changes."""

    path: str
    old: Any
    new: Any
    forces: bool = False
    """Whether it is why the resource is replaced."""

    @property
    def known(self) -> bool:
        """Whether the preview knows the new value, or that it is a checksum."""
        return self.checksum or UNKNOWN not in _raw(self.new)

    @property
    def checksum(self) -> bool:
        """Whether its value says nothing to a reader."""
        return '["checksum/' in self.path

    @property
    def short(self) -> bool:
        """Whether `values` shows all of it."""
        return all("\n" not in text and len(text) <= LONGEST for text in map(_text, (self.old, self.new)))

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """Verb and text of what changes: `("", old)` and `("", new)`, or what a list gains and loses.

        Empty if the values are not known here, or say nothing to a reader.
        """
        if (self.old is MISSING and self.new is MISSING) or self.checksum:
            return ()
        if _plain(self.old) and _plain(self.new):
            pairs = (("adds ", _less(self.new, self.old)), ("removes ", _less(self.old, self.new)))
            if found := tuple((verb, ", ".join(map(_shown, items))) for verb, items in pairs if items):
                return found
        texts = (self.old, self.new)
        if all(isinstance(text, str) for text in texts) and any("\n" in text for text in texts):
            return _lines(self.old, self.new)
        old, new = map(_shown, texts)
        return (("", old),) if old == new else (("", old), ("", new))

    def described(self, mark: Callable[[str], str] = str) -> str:
        """`sku.name: Standard_B2s → Standard_B2ms`, with each name and value passed through `mark`."""
        values = self.values
        between = "; " if values and values[0][0] else " → "
        text = between.join(f"{verb}{mark(value)}" for verb, value in values)
        if len(values) == 1 and not values[0][0]:  # two secrets, or two texts with the same beginning
            text += " changes"
        return f"{mark(self.path)}: {text}" if text else f"{mark(self.path)} changes"


def changed(type_: str, paths: Iterable[str], forcing: Iterable[str], old: Any, new: Any) -> list[Property]:
    """The properties at the engine's `paths`, each down to the values that differ.

    Without paths, all that differ. `forcing` are the paths for which the resource is replaced.
    """
    before, after = (_masked(type_, inputs) for inputs in (old, new))
    forced = tuple(forcing)
    found: dict[str, Property] = {}
    for path in [*paths] or [""]:
        steps = _steps(path)
        if type_ == SECRET_OBJECT and steps[:1] in (("data",), ("stringData",)):
            steps = ("data",)  # the server keeps both as one
        if steps and isinstance(steps[-1], int) and all(_plain(_at(v, steps[:-1])) for v in (before, after)):
            steps = steps[:-1]  # a list of texts is shown as a whole: an item more moves those behind it
        ends = _at(before, steps), _at(after, steps)
        # What is secret is equal here, and differs nevertheless.
        for at, one, other in list(leaves(steps, *ends)) or ([(steps, *ends)] if path else []):
            name = written(at)
            found[name] = Property(name, one, other, path in forced)
    return [found[name] for name in sorted(found)]


def _masked(type_: str, inputs: Any) -> Any:
    """Inputs without secrets, and without the data of a Secret, marked or not."""
    inputs = hidden(inputs or {})
    if type_ == SECRET_OBJECT and (inputs.pop("stringData", None) or inputs.get("data")):
        inputs["data"] = "[secret]"
    return inputs


def _steps(path: str) -> Path:
    return tuple(int(index) if index else key or name for key, index, name in _STEP.findall(path))


def written(path: Path) -> str:
    """A path as the engine writes it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if re.fullmatch(r"[\w$-]+", step) else f'["{step}"]'
    return text.removeprefix(".")


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return MISSING
    return value


def leaves(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Any, Any]]:
    """Where two values differ. Text that is JSON is compared by its contents."""
    first, second = _decoded(old), _decoded(new)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            if (one := first.get(key, MISSING)) != (other := second.get(key, MISSING)):
                yield from leaves((*path, key), one, other)
    elif isinstance(first, list) and isinstance(second, list) and not (_plain(first) and _plain(second)):
        for index in range(max(len(first), len(second))):
            one, other = _at(first, (index,)), _at(second, (index,))
            if one != other:
                yield from leaves((*path, index), one, other)
    else:
        yield path, old, new


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value


def _plain(value: Any) -> bool:
    """Whether a value is a list of texts and numbers."""
    return isinstance(value, list) and not any(isinstance(item, (Mapping, list)) for item in value)


def _less(items: list[Any], others: list[Any]) -> list[Any]:
    return [item for item in items if item not in others]


def _lines(old: str, new: str) -> tuple[tuple[str, str], ...]:
    changed = list(unified_diff(old.splitlines(), new.splitlines(), n=0))[2:]
    counts = (("adds ", "+"), ("removes ", "-"))
    found = ((verb, sum(line.startswith(mark) for line in changed)) for verb, mark in counts)
    return tuple((verb, f"{count} line{'s' if count > 1 else ''}") for verb, count in found if count)


def _text(value: Any) -> str:
    if value is MISSING:
        return "(not set)"
    text = _raw(value)
    return text.replace(f'"{UNKNOWN}"', "(known later)").replace(UNKNOWN, "(known later)")


def _raw(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return "" if value is MISSING else json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    text = " ".join(_text(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
