"""Previews and refusals that change nothing. Each test has its own copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.checkout import Checkout
from tests.support.terminal import run_in_terminal

pytestmark = pytest.mark.engine


def test_a_preview_writes_nothing(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shown = checkout.deploy("preview", "demo", "--rehearse")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert checkout.objects("demo") == {}


def test_an_update_on_a_terminal_shows_its_preview_and_changes_nothing_without_a_yes(tmp_path):
    checkout = Checkout(tmp_path / "project")
    command = [sys.executable, "-m", "deploy", "up", "demo", "--rehearse"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = run_in_terminal(command, cwd=checkout.folder, env=environment, seconds=900, typed="n\n")
    assert done.returncode == 1, done.stdout
    asked = r"preview demo: \d{3} create, 0 same in (?s:.*)Update demo on simulated clouds\? \[y/N\]"
    assert re.search(asked, done.stdout)
    assert done.stdout.endswith("Nothing was changed.\n")
    assert checkout.objects("demo") == {}


def test_a_fifth_stack_needs_only_a_stack_file(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shutil.copy(checkout.folder / "Pulumi.staging.yaml", checkout.folder / "Pulumi.fifth.yaml")
    checkout.set("fifth", "azure.subscriptionId", "11111111-2222-4333-8444-555555555555")
    checkout.set("fifth", "dns.zone", "fifth.delivery.example.org")
    subnets = {"nodes": "10.60.0.0/20", "database": "10.60.16.0/28", "endpoints": "10.60.16.32/27"}
    checkout.set("fifth", "network.addressSpace", "10.60.0.0/16")
    checkout.set("fifth", "network.subnets", subnets)
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
    script = "import deploy.stack as d, deploy.text as t; d.settings = lambda stack: None\n"
    script += "with d.open_stack('demo', rehearse=True, quiet=True) as here: print(t.as_text(here.preview()))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout.folder, capture_output=True, text=True, check=False
    )
    assert "nework: unknown key; did you mean network" in done.stdout
    assert "Traceback" not in done.stdout


HALF_KNOWN = """
import asyncio

import pulumi


def half_known(resource):
    inputs = dict(resource.props)
    unknown, known = asyncio.Future(), asyncio.Future()
    unknown.set_result(None)
    known.set_result(False)
    if isinstance(inputs.get("tags"), dict):
        inputs["tags"] = inputs["tags"] | {"owner": pulumi.Output(set(), unknown, known)}
    if resource.type_ == "kubernetes:helm.sh/v3:Release" and resource.name == "concourse":
        inputs["values"]["concourse"]["web"] = pulumi.Output(set(), unknown, known)
    return pulumi.ResourceTransformationResult(inputs, resource.opts)


pulumi.runtime.register_stack_transformation(half_known)
"""
"""Hides the values from the preview that three of the policies look at."""


def test_what_the_policies_could_not_check_is_told_once_for_each_rule(tmp_path):
    checkout = Checkout(tmp_path / "project")
    program = checkout.folder / "__main__.py"
    program.write_text(HALF_KNOWN + program.read_text())
    plan, comment = tmp_path / "plan.json", tmp_path / "comment.md"
    files = ("--plan", str(plan), "--markdown", str(comment))
    shown = checkout.deploy("preview", "demo", "--rehearse", *files)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    told = re.findall(r"could not be checked in this preview: (.*)", shown.stdout)
    web = "Release concourse (values.concourse.web unknown)"
    for rule in ("lookups-by-team", "no-secret-cache", "secrets-of-teams", "verified-database"):
        assert f"{rule} on {web}" in told
    [tags] = [text for text in told if text.startswith("tagged ")]
    assert re.fullmatch(r"tagged on \w+ \S+ \(tags.owner unknown\) and \d+ more", tags)
    assert len({text.split()[0] for text in told}) == len(told)
    kept = json.loads(plan.read_text())["plan"]["unchecked"]
    assert kept == [f"could not be checked in this preview: {text}" for text in told]
    for text in told:
        assert text in comment.read_text()
    assert "No policy of `policy/` is violated, as far as this run could check." in comment.read_text()
