"""Fixtures that run programs on a recording engine, and how a run is shared out and what it leaves out."""

import json
import runpy
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pulumi.runtime import test
from pulumi.runtime.config import set_all_config

from tests.support.recorder import ROOT, Recorder, encoded, recording, stack_config

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""Tests by name that a marker deselects, each with the number of its cases."""

BEGIN = pytest.StashKey[float]()
"""When the run began, in seconds of the machine's clock."""


@pytest.fixture
def run() -> Callable[[Callable[[], Any]], Recorder]:
    """Run a piece of program to the end: every registration has landed on return."""

    def drain(program: Callable[[], Any], stack: str = "test") -> Recorder:
        recorder = recording(stack)
        test(lambda: program() and None)()
        return recorder

    return drain


@pytest.fixture(scope="session")
def run_config() -> Callable[[str, dict[str, Any]], Recorder]:
    """Run the whole program with a stack file's configuration, once a session each."""
    done: dict[str, Recorder] = {}

    def program(stack: str, config: dict[str, Any]) -> Recorder:
        key = stack + json.dumps(config, sort_keys=True)
        if key not in done:
            recorder = recording(stack)
            set_all_config(encoded(config), [])
            test(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None)()
            done[key] = recorder
        return done[key]

    return program


@pytest.fixture(scope="session")
def run_stack(run_config: Callable[[str, dict[str, Any]], Recorder]) -> Callable[[str], Recorder]:
    """Run the whole program with a stack file, once a session each."""
    return lambda stack: run_config(stack, stack_config(stack))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the goldens")
    parser.addoption(
        "--start-within",
        type=int,
        metavar="SECONDS",
        help="skip by name what needs the engine or a server and would start later than this in the run",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()
    config.stash[BEGIN] = time.monotonic()
    config.pluginmanager.register(FailuresAtOnce(config))


def pytest_runtest_setup(item: pytest.Item) -> None:
    within = item.config.option.start_within
    long = item.get_closest_marker("engine") or "conformance" in item.path.parts
    if within and long:
        late = time.monotonic() - item.config.stash[BEGIN] > within
        if late and not item.get_closest_marker("life"):
            pytest.skip(f"the run began more than {within} s ago (--start-within)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share tests out between processes so that none pays again for a program or a stack that another has.

    The engine's tests come first, because they take longest, and of them the lives of the stacks. Tests on
    real servers stay in the order of their files: each finds what those before it have left.
    """
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            programs = "run_config" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("programs" if programs else file_of(item)))
    items.sort(key=order)


def order(item: pytest.Item) -> tuple[bool, ...]:
    if "conformance" in item.path.parts:
        return (True, True, True, True)
    return (
        not item.get_closest_marker("engine"),
        "up" not in item.fixturenames,
        item.get_closest_marker("last") is not None,
        "run_config" not in item.fixturenames,
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop if pytest-xdist does not group: both processes would pay for each program and each stack."""
    shared = getattr(session.config.option, "loadgroup", False)
    if shared and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError(
            "pytest-xdist did not group the tests: it does not fit this version of pytest"
        )


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


class FailuresAtOnce(NamedTuple):
    """Prints a failure when it happens: a run of an hour can be stopped before its summary."""

    config: pytest.Config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and reporter:
            reporter.write_line(f"\n{report.nodeid}\n{report.longreprtext[-3000:]}")


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
