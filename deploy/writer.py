"""One update at a time on a rehearsed stack, and a clean end of a run on Ctrl-C, SIGTERM or SIGHUP."""

import contextlib
import fcntl
import gc
import getpass
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.stack_file import RefusedError

AGAIN = {signal.SIGINT: "Press Ctrl-C", signal.SIGTERM: "Send SIGTERM"}
received: list[int] = []
"""The signals that ended runs of this process."""


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
        received.append(number)
        again = AGAIN[signal.Signals(number)]
        print(f"\nCancelling after the running operations. {again} again to stop at once.", file=sys.stderr)
        if number == signal.SIGINT:
            signal.signal(number, before[signal.SIGINT])
        else:
            for engine in engines():
                engine.terminate()

    before = {number: signal.signal(number, cancel) for number in AGAIN}
    try:
        with closed_terminal():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def closed_terminal() -> Iterator[None]:
    """Handle a closed terminal as SIGTERM, and without output from then on.

    Every process of the terminal gets SIGHUP, some twice. The engine handles only SIGINT and SIGTERM
    (pkg/backend/cancellation_scope.go) and would end at once: so it inherits that SIGHUP is ignored, which Go
    keeps (pkg.go.dev/os/signal). A thread of this process waits for the signal, which Linux keeps for it
    because all others block it. With `nohup` nothing waits, and the run goes on.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        yield
        return
    terminals = [number for number in (1, 2) if os.isatty(number)]
    ended = threading.Event()

    def wait() -> None:
        signal.sigwait({signal.SIGHUP})
        if ended.is_set():
            return
        received.append(signal.SIGHUP)
        for number in terminals:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        for engine in engines():
            engine.terminate()

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        yield
    finally:
        ended.set()
        if signal.SIGHUP not in received:  # else it stays ignored until this process ends
            signal.pthread_kill(waiting.ident or 0, signal.SIGHUP)
            waiting.join()
            signal.signal(signal.SIGHUP, before)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def engines() -> list[Any]:
    """The engines that this process started. Pulumi's SDK does not expose them."""
    started: list[Any] = [each for each in gc.get_objects() if type(each) is subprocess.Popen]
    return [each for each in started if Path(each.args[0]).name == "pulumi" and each.poll() is None]
