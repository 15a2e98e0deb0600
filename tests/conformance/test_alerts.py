"""promtool accepts our rules, and their alerts fire at the right time."""

import subprocess

import pytest

from components.monitoring.alert_rules import FILES
from tests.conformance.servers import tool
from tests.support.recorder import ROOT

TESTS = sorted((ROOT / "tests" / "data" / "rules").glob("*.yaml"))


def promtool(*arguments):
    argv = [tool("promtool"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def test_promtool_accepts_the_rules():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted(FILES.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_at_their_time_and_not_before(file):
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
