"""Stacks that the tests of the engine share."""

import subprocess
from typing import Any

import pytest

from tests.support.checkout import Checkout


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each stack after one `up --check` for all tests: (checkout, the finished command)."""
    made: dict[str, tuple[Checkout, subprocess.CompletedProcess[str]]] = {}

    def stack(name: str) -> tuple[Checkout, subprocess.CompletedProcess[str]]:
        if name not in made:
            checkout = Checkout(tmp_path_factory.mktemp(name) / "project")
            made[name] = checkout, checkout.deploy("up", name, "--rehearse", "--check")
        return made[name]

    return stack
