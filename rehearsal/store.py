"""The objects of the simulated clouds, one JSON file each. To cause drift, edit a file."""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

TURN = 0.01
"""Minimum seconds of an operation, so that simultaneous operations overlap."""


class RefusedError(Exception):
    """A refusal of a real cloud: its error code, and the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Faults(Protocol):
    """The injected faults of a run."""

    async def before(self, type_: str, id_: str, method: str) -> None: ...
    def after(self) -> None: ...
    def unready(self, type_: str, id_: str, method: str) -> str: ...


class Timing(NamedTuple):
    """The duration of an operation, the lock that it holds, and the others that must be free."""

    seconds: float
    lock: str = ""
    conflict_code: str = ""
    others: tuple[str, ...] = ()
    others_code: str = ""


class Store:
    """Objects by id, saved in `folder`. `scale` multiplies the latencies of real clouds (seconds)."""

    def __init__(self, folder: Path, *, scale: float = 0.0) -> None:
        self.folder = folder
        self.scale = scale
        self.faults: Faults | None = None
        self.injected: dict[str, str] = {}
        """Injected faults of this run: the reason why an object is not ready, by id."""
        self.settling: set[str] = set()
        """Objects of this run that exist and do not yet have their effect: a new server, a new role."""
        self.writes = 0
        self.operations = self.under_way = 0
        self._locks: dict[str, str] = {}
        self._objects: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in folder.rglob("*.json"):
            found = json.loads(file.read_text())
            self._objects[found["id"]] = found

    def guid(self, *parts: str) -> str:
        """An id that looks random and is the same in every rehearsal."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("rehearsal", *parts)).lower()))

    def get(self, id_: str) -> dict[str, Any] | None:
        return self._objects.get(id_)

    def all(self, type_: str = "") -> Iterator[dict[str, Any]]:
        """Every object of a type, or every object."""
        return (o for o in list(self._objects.values()) if not type_ or o["type"] == type_)

    def below(self, id_: str) -> Iterator[dict[str, Any]]:
        """The children of an object, such as the databases of a server."""
        return (o for o in self.all() if o["id"].startswith(id_ + "/"))

    def put(self, id_: str, type_: str, inputs: dict[str, Any], outputs: dict[str, Any], **more: Any) -> None:
        self._objects[id_] = {"id": id_, "type": type_, "inputs": inputs, "outputs": outputs, **more}
        self.writes += 1
        file = self._file(id_)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(self._objects[id_], indent=2, sort_keys=True))
        os.replace(draft, file)  # noqa: PTH105 the same on every system, and atomic

    def drop(self, id_: str, *, alone: bool = False) -> None:
        """Remove an object, with its children unless `alone`."""
        self.writes += 1
        inside = [] if alone else [o["id"] for o in self.below(id_)]
        for gone in [*inside, id_]:
            self._objects.pop(gone, None)
            self._file(gone).unlink(missing_ok=True)

    def unsettled(self, id_: str) -> bool:
        """Whether an object is new. It is so for the first question only."""
        new = id_ in self.settling
        self.settling.discard(id_)
        return new

    def fault(self, id_: str) -> str:
        """The reason why an object fails, if any. The object `/faults` has reasons by pattern of ids."""
        if self.injected.get(id_):
            return self.injected[id_]
        wanted = (self.get("/faults") or {"inputs": {}})["inputs"]
        return next((str(why) for pattern, why in wanted.items() if fnmatch(id_, pattern)), "")

    @asynccontextmanager
    async def operation(self, type_: str, id_: str, method: str, timing: Timing) -> AsyncIterator[None]:
        """Take as long as the real cloud, and refuse a second change while it would."""
        if timing.lock and timing.lock in self._locks:
            raise RefusedError(timing.conflict_code, f"{self._locks[timing.lock]} is still being changed")
        for lock in timing.others:
            if lock in self._locks:
                raise RefusedError(timing.others_code, f"{self._locks[lock]} is in Updating state")
        if timing.lock:
            self._locks[timing.lock] = id_
        self.operations += 1
        self.under_way += 1
        try:
            if self.faults:
                self.injected[id_] = self.faults.unready(type_, id_, method)
                await self.faults.before(type_, id_, method)
            await asyncio.sleep(max(timing.seconds * self.scale, TURN))
            yield
            if self.faults:
                self.faults.after()
        finally:
            self._locks.pop(timing.lock, None)
            self.under_way -= 1

    def _file(self, id_: str) -> Path:
        parts = [quote(part, safe=" @+,=") for part in id_.split("/") if part]
        return self.folder.joinpath(*parts[:-1], parts[-1] + ".json")
