"""Who holds a stack, as Pulumi wrote it down, and whether that may still be at work."""

import os
import re
import socket
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deploy.stack_file import RefusedError

LONGEST = timedelta(hours=8)
"""No update takes longer: a pipeline's token is good for so long, and its jobs end before."""
WRITTEN = re.compile(r"([^/\s]+)\.json\S*: created by (.+?)@(\S+) \(pid (\d+)\) at (\S+)")


class Lock(NamedTuple):
    """One run that holds a stack, or held it when it died."""

    id: str
    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return (
            f"{self.user}@{self.host} (pid {self.pid}) since {self.since:%Y-%m-%dT%H:%M:%SZ}{self.state()[1]}"
        )

    def state(self) -> tuple[bool, str]:
        """Whether it may be at work, and how that is known."""
        if self.host == socket.gethostname():
            return (True, ", which runs") if running(self.pid) else (False, ", which no longer runs")
        if datetime.now(UTC) - self.since > LONGEST:
            return False, f", longer ago than the {LONGEST.total_seconds() / 3600:.0f} h of any update"
        return True, ""


def written(message: str) -> Iterator[Lock]:
    """The locks that Pulumi says it found."""
    for id_, user, host, pid, since in WRITTEN.findall(message):
        yield Lock(id_, user, host, int(pid), datetime.fromisoformat(since).astimezone(UTC))


def held(stack: str, message: str) -> str:
    """Who holds a stack, of what Pulumi says when it finds a lock."""
    lines = [f"  {lock}" for lock in written(message)]
    if not lines:
        return f"another update holds {stack}: {message.strip()}"
    told = f"If it is dead: python -m deploy recover {stack} --mend"
    return "\n".join([f"another update holds {stack}:", *lines, told])


def let_go(stack: str, locks: Iterable[Lock], given: Collection[str]) -> None:
    """Refuse to take away a lock whose holder may be at work, unless it is given by its id."""
    kept = [lock for lock in locks if lock.state()[0] and lock.id not in given]
    if kept:
        lines = [f"{stack} is held, and nothing was changed:", *(f"  {lock}" for lock in kept)]
        ids = " ".join(f"--lock {lock.id}" for lock in kept)
        lines.append(
            f"Two runs at once would lose each other's state. If you know that it is dead, add {ids}"
        )
        raise RefusedError("\n".join(lines), 5)


def running(pid: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
