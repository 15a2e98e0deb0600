"""Locks are described, and the lock of a run that may be alive is not removed."""

import json
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from deploy.commands.leftovers import cancel, recover
from deploy.locks import LONGEST, describe_locks, parse_locks, refuse_live
from deploy.stack import open_stack
from deploy.stack_file import RefusedError
from tests.support.recorder import ROOT

HERE, ELSEWHERE = socket.gethostname(), "elsewhere"
GONE = 2**22 - 1
"""A pid above the limit of any machine."""
NOW = datetime.now(UTC)
OLD, YOUNG = NOW - LONGEST - timedelta(minutes=1), NOW - LONGEST + timedelta(hours=4)


MINE = os.getppid()
"""A living process, the same for all of pytest's workers."""


def message(host, pid, since=YOUNG, query=""):
    """Pulumi's message about a lock (backend/diy/lock.go)."""
    return (
        "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
        "the lock file with `pulumi cancel`.\n"
        f"  azblob://state/.pulumi/locks/organization/platform/prod/0d3c-11.json{query}: "
        f"created by ada@{host} (pid {pid}) at {since:%Y-%m-%dT%H:%M:%S+00:00}"
    )


@pytest.mark.parametrize("query", ["", "?storage_account=platformstate"])
def test_a_lock_has_an_id_and_a_run(query):
    [lock] = parse_locks(message(ELSEWHERE, 17, query=query))
    assert (lock.id, lock.user, lock.host, lock.pid) == ("0d3c-11", "ada", ELSEWHERE, 17)
    assert lock.since == YOUNG.replace(microsecond=0)


@pytest.mark.parametrize(
    ("host", "pid", "since", "state"),
    [
        (HERE, MINE, OLD, ", still running"),
        (HERE, GONE, YOUNG, ", no longer running"),
        (ELSEWHERE, 1, YOUNG, ""),
        (ELSEWHERE, 1, OLD, ", older than the 8 h of the longest update"),
    ],
)
def test_an_error_names_the_locking_run_and_whether_it_is_alive(host, pid, since, state):
    text = describe_locks("prod", message(host, pid, since))
    assert f"  ada@{host} (pid {pid}) since {since:%Y-%m-%dT%H:%M:%SZ}{state}\n" in text
    assert "python -m deploy recover prod --mend" in text


def test_an_unknown_message_of_pulumi_is_passed_on():
    assert describe_locks("prod", "[409] Conflict") == "prod is locked by another update: [409] Conflict"


@pytest.mark.parametrize(("host", "pid", "since"), [(HERE, MINE, OLD), (ELSEWHERE, 1, YOUNG)])
def test_the_lock_of_a_run_that_may_be_alive_is_removed_only_by_its_id(host, pid, since):
    locks = [*parse_locks(message(host, pid, since))]
    with pytest.raises(RefusedError, match=r"(?s)ada@.+ since .+--lock 0d3c-11") as refused:
        refuse_live("prod", locks, ())
    assert refused.value.code == 5
    with pytest.raises(RefusedError):
        refuse_live("prod", locks, ["0d3c-12"])
    refuse_live("prod", locks, ["0d3c-11"])


@pytest.mark.parametrize(("host", "pid", "since"), [(HERE, GONE, YOUNG), (ELSEWHERE, 1, OLD)])
def test_the_lock_of_a_dead_run_may_be_removed(host, pid, since):
    refuse_live("prod", parse_locks(message(host, pid, since)), ())


def test_no_step_of_a_pipeline_is_longer_than_an_update_may_be():
    texts = [file.read_text() for file in (ROOT / "pipelines").glob("*.yml")]
    hours = [int(number) for text in texts for number in re.findall(r"timeout: (\d+)h", text)]
    assert hours
    assert timedelta(hours=max(hours)) < LONGEST


def lock_in(home):
    """Another machine's lock of a rehearsed stack, where the engine looks for it."""
    place = home / "state" / ".pulumi" / "locks" / "organization" / "platform" / "demo" / "0d3c.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    holder = {"username": "ada", "hostname": ELSEWHERE, "pid": 1, "timestamp": YOUNG.isoformat()}
    place.write_text(json.dumps(holder))
    return place


@pytest.mark.engine
def test_reading_the_locks_changes_nothing(tmp_path):
    with open_stack("demo", rehearse=True, writing=True, quiet=True, home=tmp_path) as here:
        assert here.locks() == []
        place = lock_in(tmp_path)
        [found] = here.locks()
        assert (found.id, found.host) == ("0d3c", ELSEWHERE)
        assert here.locks() == [found]
    assert place.exists()


@pytest.mark.engine
def test_recover_shows_a_lock_and_removes_it_only_by_its_id(tmp_path, capsys):
    with open_stack("demo", rehearse=True, writing=True, quiet=True, home=tmp_path):
        place = lock_in(tmp_path)
    recover("demo", rehearse=True, home=tmp_path)
    assert f"lock 0d3c: ada@{ELSEWHERE} (pid 1) since" in capsys.readouterr().out
    for command in (partial(recover, mend=True), cancel):
        with pytest.raises(RefusedError, match="Nothing was changed"):
            command("demo", rehearse=True, home=tmp_path)
        assert place.exists()
    recover("demo", rehearse=True, mend=True, lock=["0d3c"], home=tmp_path)
    assert not place.exists()
    assert capsys.readouterr().out.endswith("demo: recovered; run `up` again\n")
    recover("demo", rehearse=True, home=tmp_path)
    assert capsys.readouterr().out == "demo: nothing to recover\n"
