"""What a person sees while it runs fits into one line of their terminal."""

import io
import time

import pytest
from rich.console import Console

from deploy import progress
from deploy.progress import Watch, clipped
from tests.deploy.test_commands import SERVER, step


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (40, "waiting for Server database"),
        (26, "Server database"),
        (15, "Server database"),
        (14, "…rver database"),
        (2, "…e"),
        (1, ""),
        (-5, ""),
    ],
)
def test_what_is_waited_for_is_clipped_to_the_room_there_is(room, shown):
    assert clipped("waiting for Server database", room) == shown
    assert len(shown) <= max(room, 0)


def plain(capsys, *events, planned=None, wait=0.1):
    """What is said where there is no terminal."""
    with Watch("up demo", planned) as watch:
        for event in events:
            watch.take(event)
        time.sleep(wait)
    return capsys.readouterr().err.splitlines()


def test_where_nothing_is_planned_it_counts_what_was_looked_at(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    events = step("same"), step("same"), step("same", SERVER + "2"), step("same", SERVER + "3", custom=False)
    for planned in (None, 0):
        assert plain(capsys, *events, planned=planned) == ["up demo …", "up demo: 2 looked at, 0:00"]


def test_what_takes_long_is_told_again_though_nothing_happens(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress, "SILENT", 0.05)
    said = plain(capsys, step("create"), planned=3, wait=0.3)
    assert said[0] == "up demo …"
    assert 3 <= len(said) <= 8
    assert set(said[1:]) == {"up demo: 0 of 3 done, waiting for Server database, 0:00"}


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("planned", [None, 324])
def test_the_bar_stays_on_one_line(monkeypatch, width, planned):
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=width, height=10)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with Watch("preview staging", planned) as watch:
        watch.take(step("create", SERVER + "-of-a-name-that-is-longer-than-most-are-and-then-some-more"))
        watch.bar.refresh()
        lines = console.render_lines(watch.bar.get_renderable())
    assert len(lines) == 1
    # A preview waits for nothing long: there its count goes first.
    assert "more" in "".join(segment.text for segment in lines[0]) or (width, planned) == (40, None)
