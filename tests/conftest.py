"""Fixtures that run programs on a recording engine, and how a run is shared out and what it leaves out."""

import runpy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime import test
from pulumi.runtime.config import set_all_config

from tests.support.recorder import ROOT, Recorder, encoded, recording, stack_config

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""Tests by name that a marker deselects, each with the number of its cases."""


@pytest.fixture
def run() -> Callable[[Callable[[], Any]], Recorder]:
    """Run a piece of program to the end: every registration has landed on return."""

    def drain(program: Callable[[], Any], stack: str = "test") -> Recorder:
        recorder = recording(stack)
        test(lambda: program() and None)()
        return recorder

    return drain


@pytest.fixture(scope="session")
def run_stack() -> Callable[[str], Recorder]:
    """Run the whole program with a stack file, once a session each."""
    done: dict[str, Recorder] = {}

    def program(stack: str) -> Recorder:
        if stack not in done:
            recorder = recording(stack)
            set_all_config(encoded(stack_config(stack)), [])
            test(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None)()
            done[stack] = recorder
        return done[stack]

    return program


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the goldens")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share tests out between processes so that none pays again for a program or a stack that another has.

    The engine's tests come first: they take longest.
    """
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            programs = "run_stack" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("programs" if programs else file_of(item)))
    items.sort(key=lambda item: (not item.get_closest_marker("engine"), "run_stack" not in item.fixturenames))


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        name = item.nodeid.partition("[")[0]
        item.config.stash[LEFT_OUT][name] += 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each process of a shared run deselects the same tests: those of any one are all."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was left out by a marker; with -k the one who runs the tests chose."""
    if config.stash[LEFT_OUT] and not config.option.keyword:
        terminalreporter.section("not run (make test-all runs all but what is marked slow)")
        for name, times in sorted(config.stash[LEFT_OUT].items()):
            terminalreporter.line(f"{name} ({times})")
