"""What exists in the simulated clouds: one JSON file an object, so a drift is an edit of a file."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rehearsal.resource_types import Call, Kind, RefusedError, Stable, find

if TYPE_CHECKING:
    from rehearsal.faults import Faults

TURN = 0.01
"""Seconds that even an instant operation takes, so that two at once are seen to be at once."""


class Cloud:
    """Objects by id, kept in `folder`; latencies of real clouds (seconds) are multiplied by `scale`."""

    def __init__(self, folder: Path, *, scale: float = 0.0) -> None:
        self.folder = folder
        self.scale = scale
        self.stable = Stable()
        self.faults: Faults | None = None
        self.struck: dict[str, str] = {}
        """Why what this run makes does not work: reasons by id."""
        self.writes = 0
        self.operations = self.under_way = 0
        self._busy: dict[str, str] = {}
        self._objects: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in folder.rglob("*.json"):
            found = json.loads(file.read_text())
            self._objects[found["id"]] = found

    def get(self, id_: str) -> dict[str, Any] | None:
        return self._objects.get(id_)

    def all(self, type_: str = "") -> Iterator[dict[str, Any]]:
        """Every object of a type, or every object."""
        return (o for o in list(self._objects.values()) if not type_ or o["type"] == type_)

    def below(self, id_: str) -> Iterator[dict[str, Any]]:
        """What lies inside an object: a server's databases, a group's everything."""
        return (o for o in self.all() if o["id"].startswith(id_ + "/"))

    def put(self, id_: str, type_: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        made = self._objects.get(id_, {}).get("made", time.time())
        self._objects[id_] = {
            "id": id_, "type": type_, "made": made, "inputs": inputs, "outputs": outputs,
        }  # fmt: skip
        self.writes += 1
        file = self._file(id_)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(self._objects[id_], indent=2, sort_keys=True))
        os.replace(draft, file)  # noqa: PTH105 the same on every system, and atomic

    def drop(self, id_: str, *, alone: bool = False) -> None:
        """Take an object away, with what lies inside it unless it goes alone."""
        self.writes += 1
        inside = [] if alone else [o["id"] for o in self.below(id_)]
        for gone in [*inside, id_]:
            self._objects.pop(gone, None)
            self._file(gone).unlink(missing_ok=True)

    def dependants(self, id_: str, kinds: dict[str, Kind]) -> Iterator[str]:
        """Ids of the objects that hold a reference to this one; what lies inside it goes with it."""
        for other in self.all():
            kind = None if other["id"].startswith(id_ + "/") else kinds.get(other["type"])
            for path in kind.references if kind else ():
                if id_ in find(other["inputs"], path):
                    yield other["id"]

    def fault(self, id_: str) -> str:
        """What somebody wants to go wrong with an object: `/faults` has reasons by pattern of ids."""
        if self.struck.get(id_):
            return self.struck[id_]
        wanted = (self.get("/faults") or {"inputs": {}})["inputs"]
        return next((str(why) for pattern, why in wanted.items() if fnmatch(id_, pattern)), "")

    @asynccontextmanager
    async def operation(self, kind: Kind, call: Call) -> AsyncIterator[None]:
        """Take the time that the real cloud takes, and refuse a second change where it would."""
        line = kind.queue and kind.queue.format_map(call.inputs)
        if line and line in self._busy:
            raise RefusedError(kind.busy, f"{self._busy[line]} is still being changed")
        if line:
            self._busy[line] = call.id
        method = "update" if call.before is not None else "delete" if self.get(call.id) else "create"
        self.operations += 1
        self.under_way += 1
        try:
            if self.faults:
                self.struck[call.id] = self.faults.unready(call, method)
                await self.faults.before(call, method)
            await asyncio.sleep(max(kind.seconds * self.scale, TURN))
            yield
            if self.faults:
                self.faults.after()
        finally:
            self._busy.pop(line, None)
            self.under_way -= 1

    def _file(self, id_: str) -> Path:
        parts = [quote(part, safe=" @+,=") for part in id_.split("/") if part]
        return self.folder.joinpath(*parts[:-1], parts[-1] + ".json")
