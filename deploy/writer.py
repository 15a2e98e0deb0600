"""One writer at a time: who changes a stack right now, and how a run that changes it is stopped."""

import contextlib
import fcntl
import getpass
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from deploy.stack_file import RefusedError


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold a rehearsed stack from preview to the end; a process that dies lets go of it.

    (Pulumi's own lock begins after the preview. Simulated clouds cannot have two writers even then.)
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "writer").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RefusedError(f"another update holds this stack: {file.read().strip()}", 5) from None
        file.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()}) since {now}\n")
        file.flush()
        yield


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Leave the first Ctrl-C to the engine, which the terminal sends it too; a second one stops at once.

    The engine finishes what it has begun and writes its state. SIGTERM, which only the driver gets, does
    the same.
    """

    def interrupt(*_: object) -> None:
        print("\nCancelling once what is under way is done. Ctrl-C again stops at once.", file=sys.stderr)
        signal.signal(signal.SIGINT, before)

    def terminate(*_: object) -> None:
        print("\nCancelling once what is under way is done. SIGTERM again stops at once.", file=sys.stderr)
        for engine in engines():
            os.kill(engine, signal.SIGTERM)

    before = signal.signal(signal.SIGINT, interrupt)
    earlier = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, earlier)


def engines() -> Iterator[int]:
    """Pids of the engines that this process has started (Pulumi's SDK does not tell them)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, name, _, parent = re.split(r" \(|\) | ", stat.read_text(), maxsplit=4)[:4]
            if name == "pulumi" and int(parent) == os.getpid():
                yield int(pid)
