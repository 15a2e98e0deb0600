"""How far a run is: a bar in a terminal, plain lines elsewhere, nothing when a program reads the output."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

from pulumi.automation import EngineEvent
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.summary import changing, exists, shortened

EVERY = 10.0
"""Seconds between plain lines that tell something new."""
SILENT = 60.0
"""Seconds after which a plain line tells that nothing is new."""
WIDE = 80
"""Columns of a terminal that has room for a bar."""


class Watch:
    """Shows events as they come.

    `planned` is how many resources will change. Where that is not known, or none will, it counts what the
    engine has looked at.
    """

    def __init__(self, title: str, planned: int | None = None, *, quiet: bool = False) -> None:
        self.title, self.planned, self.quiet = title, planned, quiet
        self.done = 0
        self.seen: set[str] = set()
        self.running: dict[str, float] = {}
        console = Console(stderr=True)
        self.bar: Progress | None = None
        self.room = 0
        if console.is_terminal and not quiet:
            # A bar only where there is room for it, and where it is known how much there is to do.
            wide = [BarColumn(bar_width=20)] if planned and console.width >= WIDE else []
            columns = (TextColumn("{task.description}"), *wide, TextColumn("{task.fields[count]}"),
                       TimeElapsedColumn(), TextColumn("{task.fields[waiting]}"))  # fmt: skip
            self.bar = Progress(*columns, console=console, transient=True)
            count = "000/000" if planned else "000 looked at"
            self.room = console.width - len(f"{title} {count} 0:00:00 ") - 1 - 21 * len(wide)
        self.task = TaskID(0)
        self.started = time.monotonic()
        self.ended = threading.Event()
        self.plain = threading.Thread(target=self._plainly, daemon=True)

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.planned, count=self._count(), waiting="")
        elif not self.quiet:
            print(f"{self.title} …", file=sys.stderr, flush=True)
            self.plain.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        if self.bar:
            self.bar.stop()
        elif not self.quiet:
            self.plain.join()

    def take(self, event: EngineEvent) -> None:
        """Count one event of the engine."""
        started, ended = event.resource_pre_event, event.res_outputs_event or event.res_op_failed_event
        if started and exists(started.metadata):
            self.seen.add(started.metadata.urn)
        if started and changing(started.metadata):
            self.running[started.metadata.urn] = time.monotonic()
        if ended and self.running.pop(ended.metadata.urn, None):
            self.done += 1
        if self.bar:
            total = max(self.planned or 0, self.done + len(self.running))
            waiting = clipped(self._waiting(), self.room)
            self.bar.update(
                self.task, completed=self.done, total=total, count=self._count("/", total), waiting=waiting
            )

    def _plainly(self) -> None:
        """Print what is new, now and then, and from time to time that nothing is."""
        told, last = "", self.started
        while not self.ended.wait(EVERY):
            line, now = self._line(), time.monotonic()
            if line != told or now - last >= SILENT:
                minutes, seconds = divmod(int(now - self.started), 60)
                print(f"{self.title}: {line}, {minutes}:{seconds:02}", file=sys.stderr, flush=True)
                told, last = line, now

    def _line(self) -> str:
        count = self._count(" of ", self.planned) + (" done" if self.planned else "")
        waiting = self._waiting()
        return f"{count}, {waiting}" if waiting else count

    def _count(self, of: str = "/", total: int | None = None) -> str:
        return f"{self.done}{of}{total or self.planned}" if self.planned else f"{len(self.seen)} looked at"

    def _waiting(self) -> str:
        """What has been going on for longest."""
        running = list(self.running.items())  # another thread may change it meanwhile
        if not running:
            return ""
        urn, _ = min(running, key=lambda one: one[1])
        return f"waiting for {shortened(urn)}"


def clipped(text: str, room: int) -> str:
    """As much of a text as there is room for; its end tells more than its beginning."""
    if len(text) <= room:
        return text
    kept = text.removeprefix("waiting for ")
    return kept if len(kept) <= room else f"…{kept[1 - room :]}" if room > 1 else ""
