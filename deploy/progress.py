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


class Watch:
    """Shows events as they come. `planned` is how many resources will change, where that is known."""

    def __init__(self, title: str, planned: int | None = None, *, quiet: bool = False) -> None:
        self.title, self.planned, self.quiet = title, planned, quiet
        self.done = 0
        self.running: dict[str, float] = {}
        console = Console(stderr=True)
        self.bar: Progress | None = None
        if console.is_terminal and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=20),
                       TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(),
                       TextColumn("{task.fields[waiting]}", table_column=None))  # fmt: skip
            self.bar = Progress(*columns, console=console, transient=True)
        self.task = TaskID(0)
        self.last = time.monotonic()

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.planned, waiting="")
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
            self.bar.update(self.task, completed=self.done, total=total, waiting=self._waiting())
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
