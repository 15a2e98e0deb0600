"""Fixtures that run programs on a recording engine."""

import runpy
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime import test
from pulumi.runtime.config import set_all_config

from tests.support.recorder import ROOT, Recorder, encoded, recording, stack_config


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
