"""How far a run is: a bar in a terminal, plain lines elsewhere, nothing when a program reads the output."""

import sys
import time
from types import TracebackType
from typing import Self

from pulumi.automation import EngineEvent
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.outcome import changing, shortened

EVERY = 10.0
"""Seconds between plain lines."""
WIDE = 80
"""Columns of a terminal that has room for a bar."""


class Watch:
    """Shows events as they come. `planned` is how many resources will change, where that is known."""

    def __init__(self, title: str, planned: int | None = None, *, quiet: bool = False) -> None:
        self.title, self.planned, self.quiet = title, planned, quiet
        self.done = 0
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
            self.room = console.width - len(title) - len("000/000 0:00:00") - 4 - 21 * len(wide)
        self.task = TaskID(0)
        self.last = time.monotonic()

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.planned, count="", waiting="")
        elif not self.quiet:
            print(f"{self.title} …", file=sys.stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def take(self, event: EngineEvent) -> None:
        """Count one event of the engine."""
        started, ended = event.resource_pre_event, event.res_outputs_event or event.res_op_failed_event
        if started and changing(started.metadata):
            self.running[started.metadata.urn] = time.monotonic()
        if ended and self.running.pop(ended.metadata.urn, None):
            self.done += 1
        if self.bar:
            total = max(self.planned or 0, self.done + len(self.running))
            count = f"{self.done}/{total}" if self.planned else str(self.done)
            waiting = clipped(self._waiting(), self.room)
            self.bar.update(self.task, completed=self.done, total=total, count=count, waiting=waiting)
        elif not self.quiet and time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            of = f" of {self.planned}" if self.planned else ""
            print(f"{self.title}: {self.done}{of} done {self._waiting()}".rstrip(), file=sys.stderr)

    def _waiting(self) -> str:
        """What has been going on for longest."""
        if not self.running:
            return ""
        urn = min(self.running, key=self.running.__getitem__)
        return f"waiting for {shortened(urn)}"


def clipped(text: str, room: int) -> str:
    """As much of a text as there is room for; its end tells more than its beginning."""
    if len(text) <= room:
        return text
    kept = text.removeprefix("waiting for ")
    return kept if len(kept) <= room else f"…{kept[1 - room :]}" if room > 1 else ""
