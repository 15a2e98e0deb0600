"""The rules of one resource type in a simulated cloud: `ResourceType`, one entry in a cloud's table."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from rehearsal.properties import Props, find
from rehearsal.store import RefusedError, Store


@dataclass
class Request:
    """A request to create, update or delete one object, as checks and `outputs` functions get it."""

    store: Store
    id: str
    type: str
    inputs: Props
    before: Props | None = None
    """The object's inputs before an update; None for a creation."""

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    def get(self, path: str) -> Any:
        """The first input at a dotted path, or None."""
        return next(find(self.inputs, path), None)

    def old(self, path: str) -> Any:
        """The same before an update. None for a creation."""
        return next(find(self.before or {}, path), None)

    def others(self) -> Iterator[dict[str, Any]]:
        """The other objects of the same type."""
        return (found for found in self.store.all(self.type) if found["id"] != self.id)

    def siblings(self) -> list[dict[str, Any]]:
        """The other objects of the same type with the same parent."""
        parent = self.id.rpartition("/")[0]
        return [found for found in self.others() if found["id"].rpartition("/")[0] == parent]

    def taken(self, *names: str) -> bool:
        """Whether another object of the type has the same values for these inputs."""
        return any(all(o["inputs"].get(n) == self.inputs.get(n) for n in names) for o in self.others())

    def refuse(self, code: str, message: str) -> NoReturn:
        raise RefusedError(code, message)


Check = Callable[[Request], None]


def rule(code: str, message: str, broken: Callable[[Request], Any]) -> Check:
    """A check that refuses a request if `broken` finds something. `{}` in the message shows it."""

    def check(request: Request) -> None:
        found = broken(request)
        if first := next(found, None) if isinstance(found, Iterator) else found:
            request.refuse(code, message.format(first))

    check.__name__ = code
    return check


@dataclass(frozen=True)
class ResourceType:
    """How the cloud treats one resource type. Paths are dotted; `*` stands for every item of a list."""

    id: str
    """The id that the cloud assigns: a template over the inputs."""
    name: str = ""
    """The input that the provider generates when the program omits it."""
    pattern: str = r".{1,260}"
    """The syntax of a name (azure-rest-api-specs, path parameters of the operations)."""
    replaces: tuple[str, ...] = ()
    """Inputs whose change makes the real provider replace the object."""
    immutable: tuple[str, ...] = ()
    """Inputs that the provider updates in place and the cloud refuses to change."""
    immutable_error: str = "PropertyChangeNotAllowed"
    """The error code for a change of an immutable input."""
    references: tuple[str, ...] = ()
    """Inputs with ids of objects that must exist."""
    in_use: str = "InUse"
    """The error code for a deletion while another object refers to it."""
    required: tuple[str, ...] = ()
    """Inputs that the cloud requires and the SDK does not."""
    write_only: tuple[str, ...] = ()
    """Inputs that the cloud never returns (passwords), and outputs that it returns only once."""
    update_only: tuple[str, ...] = ()
    """Inputs that the cloud ignores in a creation."""
    secret: tuple[str, ...] = ()
    """Properties that the real provider itself marks as secret."""
    unknown_in_preview: tuple[str, ...] = ()
    """Inputs that the cloud returns in another shape, so that a preview does not know them."""
    outputs: Callable[[Request], Props] = lambda _: {}
    unready: Callable[[Request], str] | None = None
    """Why an existing object is not ready, for types whose provider waits for readiness."""
    waits: Callable[[Request], float] = lambda _: 0
    """Seconds that the provider waits for an object that will not be ready, before it says so."""
    on_delete: Callable[[Request], None] | None = None
    """Stores what the cloud keeps of a deleted object."""
    checks: tuple[Check, ...] = ()
    lock_key: str = ""
    """A template: the cloud refuses a second simultaneous change of objects with the same value."""
    conflict_code: str = "AnotherOperationInProgress"
    """The error code of that refusal."""
    binds: tuple[str, ...] = ()
    """Inputs with ids of subnets. Their network must not be changing: "Updating" in Azure's words."""
    updating_code: str = ""
    """The error code if it is."""
    changes_network: bool = False
    """The network is "Updating" meanwhile."""
    settles: bool = False
    """A new object does not have its effect at once."""
    role: str = "Contributor"
    """The role that the caller needs at the object's scope."""
    seconds: float = 2
    """How long a real cloud typically takes to create one."""
    singleton: bool = False
    """It exists with its parent: creating it is an upsert, deleting it a reset."""
    stable: tuple[str, ...] = ("name", "location")
    """Outputs that a preview of an update still knows (azure-native provider.go, Update)."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The inputs in the id's template."""
        return tuple(re.findall(r"\{(\w+)\}", self.id))


def dependants(store: Store, id_: str, types: Mapping[str, ResourceType]) -> Iterator[str]:
    """Ids of the objects that refer to this one, except for its own children."""
    for other in store.all():
        resource_type = None if other["id"].startswith(id_ + "/") else types.get(other["type"])
        for path in resource_type.references if resource_type else ():
            if id_ in find(other["inputs"], path):
                yield other["id"]
