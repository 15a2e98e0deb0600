"""Progress of a run on stderr: one line that is rewritten on a terminal, repeated lines elsewhere."""

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self

from pulumi.automation import EngineEvent

from deploy.summary import changing, exists, shortened

EVERY = 10.0
"""Seconds between lines with news."""
SILENT = 60.0
"""Seconds after which a line is repeated although nothing is new: Concourse shows that the build lives."""


class Progress:
    """Counts events: finished changes of `planned`, or processed resources if no number is known."""

    def __init__(self, title: str, planned: int | None = None, *, quiet: bool = False) -> None:
        self.title, self.planned, self.quiet = title, planned, quiet
        self.done = 0
        self.seen: set[str] = set()
        self.running: dict[str, float] = {}
        self.terminal = sys.stderr.isatty()
        self.started = time.monotonic()
        self.ended = threading.Event()
        self.printer = threading.Thread(target=self._print, daemon=True)

    def __enter__(self) -> Self:
        if not self.quiet:
            print(f"{self.title} …", end="" if self.terminal else "\n", file=sys.stderr, flush=True)
            self.printer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        if not self.quiet:
            self.printer.join()

    def on_event(self, event: EngineEvent) -> None:
        """Count one event of the engine."""
        started, ended = event.resource_pre_event, event.res_outputs_event or event.res_op_failed_event
        if started and exists(started.metadata):
            self.seen.add(started.metadata.urn)
        if started and changing(started.metadata):
            self.running[started.metadata.urn] = time.monotonic()
        if ended and self.running.pop(ended.metadata.urn, None):
            self.done += 1

    def _print(self) -> None:
        last, printed = "", self.started
        while not self.ended.wait(1 if self.terminal else EVERY):
            line, now = self.line(), time.monotonic()
            minutes, seconds = divmod(int(now - self.started), 60)
            clock = f"{minutes}:{seconds:02}"
            if self.terminal:
                width = shutil.get_terminal_size().columns - 1
                print(
                    f"\r\x1b[K{f'{self.title} {clock}: {line}'[:width]}", end="", file=sys.stderr, flush=True
                )
            elif line != last or now - printed >= SILENT:
                print(f"{self.title}: {line}, {clock}", file=sys.stderr, flush=True)
                last, printed = line, now
        if self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def line(self) -> str:
        """The count, and the operation that has been running for longest."""
        count = (
            f"{self.done} of {self.planned} done" if self.planned else f"{len(self.seen)} resources processed"
        )
        running = list(self.running.items())  # a copy: another thread adds to it
        return (
            f"{count}, waiting for {shortened(min(running, key=lambda one: one[1])[0])}" if running else count
        )
