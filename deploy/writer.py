"""One update at a time on a rehearsed stack, and a clean end of an update on Ctrl-C or SIGTERM."""

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

AGAIN = {signal.SIGINT: "Press Ctrl-C", signal.SIGTERM: "Send SIGTERM"}


@contextlib.contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Lock a rehearsed stack from its preview to the end. The lock of a process ends with the process.

    (Pulumi's own lock starts after the preview. The simulated clouds cannot serve two updates even then.)
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "writer").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RefusedError(f"this stack is locked by another update: {file.read().strip()}", 5) from None
        file.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()}) since {now}\n")
        file.flush()
        yield


@contextlib.contextmanager
def graceful_interrupts() -> Iterator[None]:
    """Let the engine handle the first Ctrl-C: it finishes running operations and writes its state.

    A terminal sends Ctrl-C to the engine too. SIGTERM reaches this process alone and is passed on.
    A second signal stops at once.
    """

    def cancel(number: int, _: object) -> None:
        again = AGAIN[signal.Signals(number)]
        print(f"\nCancelling after the running operations. {again} again to stop at once.", file=sys.stderr)
        if number == signal.SIGINT:
            signal.signal(number, before[signal.SIGINT])
        else:
            for engine in engines():
                os.kill(engine, signal.SIGTERM)

    before = {number: signal.signal(number, cancel) for number in AGAIN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def engines() -> Iterator[int]:
    """Pids of the engines that this process started (Pulumi's SDK does not expose them)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, name, _, parent = re.split(r" \(|\) | ", stat.read_text(), maxsplit=4)[:4]
            if name == "pulumi" and int(parent) == os.getpid():
                yield int(pid)
