"""What a simulated cloud knows of one resource type: a `Kind`, one entry in a cloud's table."""

import itertools
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.store import Cloud

Props = dict[str, Any]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a value that only an update will know (pulumi.runtime.rpc.UNKNOWN)."""


class RefusedError(Exception):
    """What a real cloud answers when it does not do what was asked: its error code, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Call:
    """One request on one object, as a check or an `outputs` function sees it."""

    cloud: "Cloud"
    id: str
    type: str
    inputs: Props
    before: Props | None = None
    """The object's inputs before this update; None when it is created."""

    def get(self, path: str) -> Any:
        """The one input at a dotted path, None where it is not set."""
        return next(find(self.inputs, path), None)

    def refuse(self, code: str, message: str) -> None:
        raise RefusedError(code, message)


def nothing(_: Call) -> Props:
    return {}


@dataclass(frozen=True)
class Kind:
    """How the cloud treats one resource type. Paths are dotted, `*` stands for every item of a list."""

    id: str
    """The id that the cloud gives, a template over the inputs."""
    prefix: str = ""
    """What goes before the id in the cloud, where two types' ids can be equal."""
    name: str = ""
    """The input that the provider names by itself when the program leaves it out."""
    pattern: str = r".{1,260}"
    """What a name may look like (azure-rest-api-specs, the operations' path parameters)."""
    replaces: tuple[str, ...] = ()
    """Inputs whose change is a replacement in the real provider."""
    fixed: tuple[str, ...] = ()
    """Inputs that the provider would edit in place and the cloud refuses to."""
    frozen: str = "PropertyChangeNotAllowed"
    """What the cloud answers to a change of one of those."""
    references: tuple[str, ...] = ()
    """Inputs that hold ids of objects that must exist."""
    in_use: str = "InUse"
    """What the cloud answers to a deletion while another object holds its id."""
    required: tuple[str, ...] = ()
    """What the cloud needs beyond what the SDK requires."""
    hidden: tuple[str, ...] = ()
    """Inputs that the cloud takes and never gives back (passwords), outputs that it gives only once."""
    secret: tuple[str, ...] = ()
    """What the real provider itself marks as secret."""
    reshaped: tuple[str, ...] = ()
    """Inputs that the cloud answers in another shape, so that a preview does not know them."""
    outputs: Callable[[Call], Props] = nothing
    unready: Callable[[Call], str] | None = None
    """Why an object that exists does not work, where the provider waits until it does."""
    leaves: Callable[[Call], None] | None = None
    """Keeps what the cloud keeps of a deleted one."""
    checks: tuple[Callable[[Call], None], ...] = ()
    queue: str = ""
    """A template: objects with the same value are changed one at a time, others are told `busy`."""
    busy: str = "AnotherOperationInProgress"
    role: str = "Contributor"
    """What the caller must hold at the object's scope."""
    seconds: float = 2
    """How long a real cloud takes to create one, typically."""
    singleton: bool = False
    """It exists with its parent: creating it is an upsert, deleting it a reset."""
    stable: tuple[str, ...] = ("name", "location")
    """Outputs that a preview of an update still knows (azure-native provider.go, Update)."""


def find(value: Any, path: str) -> Iterator[Any]:
    """Every value at a dotted path that is set and known."""
    head, _, rest = path.partition(".")
    if head == "*":
        found = list(value) if isinstance(value, list | Mapping) else []
        if isinstance(value, Mapping):
            found = list(value.values())
    else:
        found = [value[head]] if isinstance(value, Mapping) and head in value else []
    for item in found:
        if rest:
            yield from find(item, rest)
        elif item is not None and not unknown(item):
            yield item


def unknown(value: Any) -> bool:
    """Whether `value` or anything in it is known only after an update."""
    if isinstance(value, Mapping):
        return any(unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(unknown(item) for item in value)
    return isinstance(value, str) and value == UNKNOWN


def covers(path: str, changed: str) -> bool:
    """Whether a change at `changed` (a.b[0].c) is one of, or one inside, the table's `path` (a.b.*.c)."""
    plain = re.sub(r"\[(\d+|\"[^\"]*\")\]", ".*", changed)
    return plain == path or plain.startswith(path + ".") or path.startswith(plain + ".")


def changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every difference as (path, `add` | `delete` | `update`), the way the engine writes paths."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [key for key in {**old, **new} if not key.startswith("__")]
        pairs = [(_place(path, key), old.get(key, MISSING), new.get(key, MISSING)) for key in keys]
    elif isinstance(old, list) and isinstance(new, list):
        both = itertools.zip_longest(old, new, fillvalue=MISSING)
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(both)]
    else:
        if old != new:
            yield path, "add" if old is MISSING else "delete" if new is MISSING else "update"
        return
    for place, before, after in pairs:
        yield from changes(before, after, place)


MISSING = object()
"""No value, where None is one."""


def _place(path: str, key: str) -> str:
    if re.search(r"[^A-Za-z0-9_]", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


@dataclass
class Stable:
    """Ids that look given by the cloud and are the same in every rehearsal."""

    seed: str = "rehearsal"
    namespace: uuid.UUID = field(default=uuid.NAMESPACE_URL)

    def guid(self, *parts: str) -> str:
        return str(uuid.uuid5(self.namespace, "/".join((self.seed, *parts)).lower()))
