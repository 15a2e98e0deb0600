"""Previews and refusals that change nothing. Each test has its own copy of the project."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine


def test_a_preview_writes_nothing(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shown = checkout.deploy("preview", "demo", "--rehearse")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert checkout.objects("demo") == {}


def test_a_fifth_stack_needs_only_a_stack_file(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shutil.copy(checkout.folder / "Pulumi.staging.yaml", checkout.folder / "Pulumi.fifth.yaml")
    checkout.set("fifth", "azure.subscriptionId", "11111111-2222-4333-8444-555555555555")
    checkout.set("fifth", "dns.zone", "fifth.delivery.example.org")
    shown = checkout.deploy("preview", "fifth", "--rehearse")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"^preview fifth: \d{3} create, 0 same in ", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("stack", "setting", "value", "expected"),
    [
        ("staging", "nework", {}, "nework: unknown key; did you mean network"),
        ("staging", "database.skuu", "x", "database.skuu: unknown key; did you mean sku"),
        (
            "staging",
            "network.subnets.nodes",
            "10.99.0.0/20",
            "network.subnets.nodes: 10.99.0.0/20 is outside",
        ),
        ("stagin", "", None, "there is no stack 'stagin'; did you mean staging?"),
    ],
)
def test_a_wrong_stack_file_exits_with_2_before_anything_is_created(
    tmp_path, stack, setting, value, expected
):
    checkout = Checkout(tmp_path / "project")
    if setting:
        checkout.set(stack, setting, value)
    refused = checkout.deploy("up", stack, "--rehearse")
    assert refused.returncode == 2
    assert expected in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    assert not checkout.home(stack).exists()


def test_the_program_itself_refuses_a_wrong_stack_file(tmp_path):
    """As `pulumi up` runs it: without the check of `deploy`."""
    checkout = Checkout(tmp_path / "project")
    checkout.set("demo", "nework", {})
    script = "import deploy.stack as d; d.settings = lambda stack: None\n"
    script += "with d.open_stack('demo', rehearse=True, quiet=True) as here: print(here.preview().as_text())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout.folder, capture_output=True, text=True, check=False
    )
    assert "nework: unknown key; did you mean network" in done.stdout
    assert "Traceback" not in done.stdout


UNSAFE = """
import pulumi


def unsafe(resource):
    inputs = dict(resource.props)
    if isinstance(inputs.get("tags"), dict):
        inputs["tags"] = {key: value for key, value in inputs["tags"].items() if key != "cost-center"}
    if inputs.get("configuration_name") == "require_secure_transport":
        inputs["value"] = "off"
    options = pulumi.ResourceOptions.merge(resource.opts, pulumi.ResourceOptions(protect=False))
    return pulumi.ResourceTransformationResult(inputs, options)


pulumi.runtime.register_stack_transformation(unsafe)
"""
"""Turns each resource into one that the policies forbid."""


def test_the_engine_enforces_the_policy_pack(tmp_path):
    checkout = Checkout(tmp_path / "project")
    program = checkout.folder / "__main__.py"
    program.write_text(UNSAFE + program.read_text())
    refused = checkout.deploy("preview", "staging", "--rehearse")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    for rule in ("protected-data", "verified-database", "tagged"):
        assert f"[{rule}]" in refused.stdout
