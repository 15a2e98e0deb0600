"""Failed and killed updates on the real engine: faults by seed, signals, two updates at once.

Afterwards `recover` and one more update finish. No object exists twice, and the state lacks none. Most cases
are slow: `make test PYTEST="-m slow"`.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine
SEEDS = [pytest.param(str(n), marks=pytest.mark.slow) if n > 1 else str(n) for n in range(1, 21)]
POINTS = (3, 25, 50, 75, 100, 125, 150, 175, 200, 225)
ENDS = [
    pytest.param(f"{how}:{point}", marks=pytest.mark.slow) for how in ("term", "kill") for point in POINTS
]


def faulty_up(checkout, faults):
    """An `up` that may fail or die."""
    command = [
        sys.executable,
        "-m",
        "deploy",
        "up",
        "demo",
        "--rehearse",
        "--faults",
        faults,
        "--scale",
        "0.001",
    ]
    return subprocess.run(
        command, cwd=checkout.folder, capture_output=True, text=True, check=False, start_new_session=True,
        timeout=600,
    )  # fmt: skip


def mend(checkout):
    """Recover. Returns the finished command."""
    mended = checkout.deploy("recover", "demo", "--rehearse", "--mend")
    for _ in range(30):  # the engine of a driver that was killed may still be ending
        if mended.returncode != 5:
            break
        time.sleep(1)
        mended = checkout.deploy("recover", "demo", "--rehearse", "--mend")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    return mended


def finish(checkout):
    """Recover, and run once more."""
    mended = mend(checkout)
    again = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert again.returncode == 0, mended.stdout + again.stdout + again.stderr


def whole(checkout):
    """The numbers of resources and of objects in the clouds; no resource is in the state twice."""
    state = checkout.home("demo") / "state" / ".pulumi" / "stacks" / "platform" / "demo.json"
    resources = json.loads(state.read_text())["checkpoint"]["latest"]["resources"]
    known = [r["urn"] for r in resources if r.get("custom") and not r["type"].startswith("pulumi:")]
    assert len(known) == len(set(known))
    return len(known), len(checkout.objects("demo"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The numbers of resources and objects after an update without faults."""
    checkout = Checkout(tmp_path_factory.mktemp("good") / "project")
    assert checkout.deploy("up", "demo", "--rehearse").returncode == 0
    return whole(checkout)


@pytest.mark.parametrize("faults", [*SEEDS, *ENDS])
def test_an_update_after_a_failed_or_killed_one_finishes_and_duplicates_nothing(
    tmp_path, undisturbed, faults
):
    checkout = Checkout(tmp_path / "project")
    done = faulty_up(checkout, faults)
    if faults.startswith("kill"):
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    finish(checkout)
    assert whole(checkout) == undisturbed


def test_the_second_of_two_updates_exits_with_5_and_names_the_process_of_the_first(tmp_path):
    checkout = Checkout(tmp_path / "project")
    command = [sys.executable, "-m", "deploy", "up", "demo", "--rehearse"]
    with subprocess.Popen(
        command, cwd=checkout.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as one:
        writer = checkout.home("demo") / "writer"
        while not writer.exists() or not writer.read_text():
            assert one.poll() is None
            time.sleep(0.1)
        second = checkout.deploy("up", "demo", "--rehearse")
        os.kill(one.pid, signal.SIGTERM)
    assert second.returncode == 5, second.stdout + second.stderr
    assert f"(pid {one.pid}) since" in second.stderr
