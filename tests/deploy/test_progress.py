"""Progress lines: the count, the operation that takes longest, and when they are printed."""

import io
import sys

import pytest

from deploy import progress
from deploy.progress import CLEAR, Progress
from tests.deploy.test_commands import SERVER, step


def line(*events, planned=None):
    shown = Progress("up demo", planned)
    for event in events:
        shown.on_event(event)
    return shown.line()


@pytest.mark.parametrize("planned", [None, 0])
def test_without_planned_changes_the_line_counts_processed_resources(planned):
    events = step("same"), step("same"), step("same", SERVER + "2"), step("same", SERVER + "3", custom=False)
    assert line(*events, planned=planned) == "2 resources processed"


def test_the_line_names_the_operation_that_has_run_for_longest():
    events = step("create"), step("create", SERVER + "2")
    assert line(*events, planned=3) == "0 of 3 done, waiting for Server database"


class Clock:
    """The time of a run that ends after some waits. Only waiting takes time."""

    now = 0.0

    def __init__(self, waits):
        self.waits = waits

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds
        self.waits -= 1
        return self.waits < 0

    def set(self):
        pass


def printed(monkeypatch, waits, *, terminal=False, quiet=False):
    """The output of a run with one operation."""
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "time", clock := Clock(waits))
    shown = Progress("up demo", 3, quiet=quiet)
    shown.ended = clock
    shown.on_event(step("create"))
    with shown:
        pass
    return stderr.getvalue()


def test_a_terminal_has_one_line_that_is_rewritten_each_second_and_removed_at_the_end(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = "0 of 3 done, waiting for Server database"
    assert printed(monkeypatch, 2, terminal=True).split(CLEAR) == [
        "up demo …", f"up demo 0:01: {text}", f"up demo 0:02: {text}", "",
    ]  # fmt: skip


def test_the_line_is_cut_to_the_width_of_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert printed(monkeypatch, 1, terminal=True).split(CLEAR)[1] == "up demo 0:01: 0 of "


def test_without_a_terminal_a_line_without_news_is_repeated_after_a_minute(monkeypatch):
    text = "0 of 3 done, waiting for Server database"
    assert printed(monkeypatch, 12).splitlines() == [
        "up demo …", f"up demo: {text}, 0:10", f"up demo: {text}, 1:10",
    ]  # fmt: skip


def test_a_quiet_run_prints_no_progress(monkeypatch):
    assert not printed(monkeypatch, 12, quiet=True)


def told(capsys, *errors, quiet=False):
    """What is printed while a run goes on, after each of its errors."""
    shown = Progress("up demo", 3, quiet=quiet)
    for number in range(len(errors)):
        shown.tell(errors[: number + 1])
        shown.tell(errors[: number + 1])
    return capsys.readouterr().err.splitlines()


def test_an_error_is_printed_once_as_soon_as_it_comes_and_not_when_the_run_ends(capsys):
    lines = told(capsys, "Server database: no room", "Vault keys: denied\nby policy " + "x" * 2000)
    assert lines[0] == "up demo: error: Server database: no room"
    assert lines[1].startswith("up demo: error: Vault keys: denied by policy xxx")
    assert len(lines) == 2
    assert len(lines[1]) < 350
    assert not told(capsys, "no room", quiet=True)


def test_before_the_first_event_only_the_time_is_shown(monkeypatch):
    assert line() == ""
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "time", clock := Clock(1))
    shown = Progress("demo at main")
    shown.ended = clock
    with shown:
        pass
    assert stderr.getvalue() == "demo at main …\ndemo at main: 0:10\n"
