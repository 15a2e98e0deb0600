"""Locks of a stack as Pulumi records them, and whether the run that holds one may still be alive."""

import os
import socket
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deploy.engine_messages import LOCK
from deploy.stack_file import RefusedError

LONGEST = timedelta(hours=8)
"""No update takes longer: an identity token of a pipeline is valid for 8 h, and the timeouts are shorter."""


class Lock(NamedTuple):
    """One run that locks a stack, alive or dead."""

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
        """Whether the run may be alive, and the reason in words."""
        if self.host == socket.gethostname():
            return (True, ", still running") if running(self.pid) else (False, ", no longer running")
        if datetime.now(UTC) - self.since > LONGEST:
            return False, f", older than the {LONGEST.total_seconds() / 3600:.0f} h of the longest update"
        return True, ""


def parse_locks(message: str) -> Iterator[Lock]:
    """The locks that a message of Pulumi names."""
    for id_, user, host, pid, since in LOCK.findall(message):
        yield Lock(id_, user, host, int(pid), datetime.fromisoformat(since).astimezone(UTC))


def describe_locks(stack: str, message: str) -> str:
    """An error text for Pulumi's message about a lock."""
    runs = "".join(f"\n  {lock}" for lock in parse_locks(message))
    if not runs:
        return f"{stack} is locked by another update: {message.strip()}"
    remedy = f"If that run is dead: python -m deploy recover {stack} --mend"
    return f"{stack} is locked by another update:{runs}\n{remedy}"


def refuse_live(stack: str, locks: Iterable[Lock], given: Collection[str]) -> None:
    """Refuse to remove a lock whose run may be alive, unless its id is given."""
    if live := [lock for lock in locks if lock.state()[0] and lock.id not in given]:
        runs = "".join(f"  {lock}\n" for lock in live)
        ids = " ".join(f"--lock {lock.id}" for lock in live)
        raise RefusedError(
            f"{stack} is locked by another update. Nothing was changed.\n{runs}"
            f"Two updates at once lose each other's state. If you know that the run is dead, add {ids}",
            5,
        )


def running(pid: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(pid, 0)
    except OSError as failed:
        return isinstance(failed, PermissionError)
    return True
