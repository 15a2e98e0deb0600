"""Progress lines: what is counted and what is waited for."""

import pytest

from deploy.progress import Progress
from tests.deploy.test_commands import SERVER, step


def line(*events, planned=None):
    shown = Progress("up demo", planned)
    for event in events:
        shown.on_event(event)
    return shown.line()


@pytest.mark.parametrize("planned", [None, 0])
def test_without_planned_changes_it_counts_processed_resources(planned):
    events = step("same"), step("same"), step("same", SERVER + "2"), step("same", SERVER + "3", custom=False)
    assert line(*events, planned=planned) == "2 resources processed"


def test_the_longest_operation_is_named():
    events = step("create"), step("create", SERVER + "2")
    assert line(*events, planned=3) == "0 of 3 done, waiting for Server database"


def test_without_a_terminal_a_run_starts_with_one_line(capsys):
    with Progress("up demo", 3):
        pass
    assert capsys.readouterr().err == "up demo …\n"
    with Progress("up demo", quiet=True):
        pass
    assert not capsys.readouterr().err
