"""Progress of a run on stderr: one line that is rewritten on a terminal, repeated lines elsewhere."""

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from typing import Self

from pulumi.automation import EngineEvent

from deploy.summary import changing, exists, shortened

EVERY = 10.0
"""Seconds between lines with news."""
SILENT = 60.0
"""Seconds after which a line is repeated although nothing is new: Concourse shows that the build lives."""
CLEAR = "\r\x1b[K"
"""Empties the line of a terminal."""
LONGEST = 300
"""Characters of an error above the line. The summary has all of it."""


class Progress:
    """Counts events: finished changes of `planned`, or processed resources if no number is known."""

    def __init__(self, title: str, planned: int | None = None, *, quiet: bool = False) -> None:
        self.title, self.planned, self.quiet = title, planned, quiet
        self.done = self.told = 0
        self.seen: set[str] = set()
        self.running: dict[str, None] = {}
        """URNs, the longest-running operation first."""
        self.terminal = sys.stderr.isatty()
        self.ended = threading.Event()
        self.printer = threading.Thread(target=self._print, daemon=True)

    def __enter__(self) -> Self:
        if not self.quiet:
            self.printer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if not self.quiet:
            self.printer.join()

    def on_event(self, event: EngineEvent) -> None:
        """Count one event of the engine."""
        started, ended = event.resource_pre_event, event.res_outputs_event or event.res_op_failed_event
        if started and exists(started.metadata):
            self.seen.add(started.metadata.urn)
        if started and changing(started.metadata):
            self.running[started.metadata.urn] = None
        if ended and ended.metadata.urn in self.running:
            del self.running[ended.metadata.urn]
            self.done += 1

    def tell(self, errors: Sequence[str]) -> None:
        """Print the errors that are new, above the line: a run may go on for long after one."""
        for text in () if self.quiet else errors[self.told :]:
            line = " ".join(text.split())
            line = f"{line[:LONGEST]}…" if len(line) > LONGEST else line
            _write(f"{CLEAR if self.terminal else ''}{self.title}: error: {line}\n")
        self.told = len(errors)

    def _print(self) -> None:
        started = printed = time.monotonic()
        last = None
        _write(f"{self.title} …" if self.terminal else f"{self.title} …\n")
        while not self.ended.wait(1 if self.terminal else EVERY):
            line, now = self.line(), time.monotonic()
            minutes, seconds = divmod(int(now - started), 60)
            time_ = f"{minutes}:{seconds:02}"
            if self.terminal:
                width = shutil.get_terminal_size().columns - 1
                _write(CLEAR + f"{self.title} {time_}{': ' if line else ''}{line}"[:width])
            elif line != last or now - printed >= SILENT:
                _write(f"{self.title}: {line}{', ' if line else ''}{time_}\n")
                last, printed = line, now
        if self.terminal:
            _write(CLEAR)

    def line(self) -> str:
        """The count, and the operation that has been running for longest; empty before the first event."""
        count = f"{self.done} of {self.planned} done"
        if not self.planned:
            count = f"{len(self.seen)} resources processed" if self.seen else ""
        longest = next(iter(list(self.running)), None)  # a copy: another thread changes it
        return f"{count}, waiting for {shortened(longest)}" if longest else count


def _write(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)
