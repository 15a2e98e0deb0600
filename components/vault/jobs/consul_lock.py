"""A lock in Consul: of two that run at once, one waits. Standard library only."""

import contextlib
import os
import threading
from collections.abc import Iterator

from calls import RefusedError, Server, say

TTL = 30
"""Seconds after which the lock of one that died is free again; Consul may take twice that."""


@contextlib.contextmanager
def lock(consul: Server, key: str) -> Iterator[None]:
    """Hold a key, and end at once when it is lost: somebody else may have it then."""
    wanted = {"Name": key, "TTL": f"{TTL}s", "LockDelay": "1s", "Behavior": "release"}
    session = consul.call("PUT", "/v1/session/create", wanted)["ID"]
    over = threading.Event()
    threading.Thread(target=_renew, args=(consul, session, over), daemon=True).start()
    try:
        while consul.call("PUT", f"/v1/kv/{key}?acquire={session}", {}) is not True:
            consul.wait("another one is at work", TimeoutError(f"{key} is not free"))
        yield
    finally:
        over.set()
        with contextlib.suppress(RefusedError, OSError):  # it ends by itself
            consul.once("PUT", f"/v1/session/destroy/{session}")


def _renew(consul: Server, session: str, over: threading.Event) -> None:
    missed = 0
    while not over.wait(TTL / 4):
        try:
            consul.once("PUT", f"/v1/session/renew/{session}")
            missed = 0
        except (RefusedError, OSError) as error:
            missed += 1
            if (isinstance(error, RefusedError) and error.status == 404) or missed == 3:  # noqa: PLR2004
                say("the lock is lost: ending before somebody else begins")
                os._exit(1)
