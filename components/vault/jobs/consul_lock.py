"""A lock in Consul, so that two Jobs do not run at once. Standard library only."""

import contextlib
import os
import threading
from collections.abc import Iterator

from calls import RefusedError, Server, say

TTL = 30
"""Seconds until the lock of a killed process is free again. Consul may take twice as long."""


@contextlib.contextmanager
def lock(consul: Server, key: str) -> Iterator[None]:
    """Hold the lock. If it is lost, exit at once, because another process may have it."""
    wanted = {"Name": key, "TTL": f"{TTL}s", "LockDelay": "1s", "Behavior": "release"}
    session = consul.call("PUT", "/v1/session/create", wanted)["ID"]
    over = threading.Event()
    threading.Thread(target=_renew, args=(consul, session, over), daemon=True).start()
    try:
        while consul.call("PUT", f"/v1/kv/{key}?acquire={session}", {}) is not True:
            consul.wait("another process has the lock", TimeoutError(f"{key} is locked"))
        yield
    finally:
        over.set()
        with contextlib.suppress(RefusedError, OSError):  # the session expires
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
                say("lock lost: exiting, because another process may start")
                os._exit(1)
