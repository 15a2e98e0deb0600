"""The life of stacks without optional parts, on the real engine."""

import re

import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine

PARTS = {
    "influxdb": "monitoring",
    "logging": "logging",
    "chartmuseum": "chartmuseum",
    "vault": "vault",
}
"""Section of a part in the stack file."""


@pytest.mark.parametrize("left_out", [("influxdb", "logging", "chartmuseum"), ("vault",)], ids="-".join)
def test_a_stack_without_parts_comes_up_is_stable_and_goes(tmp_path, left_out):
    checkout = Checkout(tmp_path / "project")
    for part in left_out:
        off = {"enabled": False}
        checkout.set("demo", PARTS[part], {"influxdb": off} if part == "influxdb" else off)
    done = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^preview demo: \d+ same in ", done.stdout, re.MULTILINE)
    gone = checkout.deploy("destroy", "demo", "--rehearse")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert checkout.objects("demo") == {}


def test_a_part_of_a_stack_that_is_not_protected_can_be_left_out_later(tmp_path):
    """The update closes the way to Vault before it deletes: what is in Vault goes with it."""
    checkout = Checkout(tmp_path / "project")
    assert checkout.deploy("up", "demo", "--rehearse").returncode == 0
    with_vault = checkout.objects("demo").keys()
    checkout.set("demo", "vault", {"enabled": False})
    checkout.set("demo", "logging", {"enabled": False})
    done = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    gone = {id_.rpartition("/namespaces/")[2] for id_ in with_vault - checkout.objects("demo").keys()}
    assert {"vault", "consul", "logging"} <= gone
