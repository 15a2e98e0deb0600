"""Pure functions of properties: search by path, unknown values, differences."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

Props = dict[str, Any]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's mark for a value that is known only after an update (pulumi.runtime.rpc.UNKNOWN)."""
MISSING = object()
"""No value, where None is one."""


def find(value: Any, path: str) -> Iterator[Any]:
    """Every value at a dotted path that is set and known. `*` matches every item."""
    head, _, rest = path.partition(".")
    if head == "*":
        found = (
            list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        )
    else:
        found = [value[head]] if isinstance(value, Mapping) and head in value else []
    for item in found:
        if rest:
            yield from find(item, rest)
        elif item is not None and not unknown(item):
            yield item


def unknown(value: Any) -> bool:
    """Whether `value`, or anything in it, is known only after an update."""
    if isinstance(value, Mapping):
        return any(unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(unknown(item) for item in value)
    return isinstance(value, str) and value == UNKNOWN


def covers(path: str, changed: str) -> bool:
    """Whether a change at `changed` (a.b[0].c) concerns the table's `path` (a.b.*.c)."""
    plain = re.sub(r"\[(\d+|\"[^\"]*\")\]", ".*", changed)
    return plain == path or plain.startswith(path + ".") or path.startswith(plain + ".")


def changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every difference as (path, `add` | `delete` | `update`), with paths in the engine's notation."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [key for key in {**old, **new} if not key.startswith("__")]
        pairs = [(_below(path, key), old.get(key, MISSING), new.get(key, MISSING)) for key in keys]
    elif isinstance(old, list) and isinstance(new, list):
        both = itertools.zip_longest(old, new, fillvalue=MISSING)
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(both)]
    else:
        if old != new:
            yield path, "add" if old is MISSING else "delete" if new is MISSING else "update"
        return
    for place, before, after in pairs:
        yield from changes(before, after, place)


def _below(path: str, key: str) -> str:
    if re.search(r"[.\[\]\"]", key):  # as the SDK's PropertyPath.String and the providers
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
