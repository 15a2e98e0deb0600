"""The scripts of the pipelines on simulated clouds: a plan, its approval, an update."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.checkout import Build

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return Build(tmp_path_factory.mktemp("build"))


def test_a_merged_commit_is_deployed_to_staging_by_a_plan_and_to_prod_by_a_kept_plan(build):
    build.passes("deploy", "plan", STACK="staging")
    (build.folder / "plans" / "staging.json").write_text((build.folder / "plan" / "staging.json").read_text())
    assert "up staging" in build.passes("deploy", "up", STACK="staging")
    assert "Not checked:" in build.passes("deploy", "smoke", STACK="staging")

    build.passes("deploy", "plan", STACK="prod")
    assert "preview prod" in (build.folder / "plan" / "prod.txt").read_text()
    digest = json.loads((build.folder / "plan" / "prod.json").read_text())["digest"]
    assert f"prod: plan {digest}" in build.keep("prod")

    # A merge after the plan is another commit: the plan is refused.
    build.checkout.set("prod", "tags.owner", "somebody")
    build.commit("two")
    refused = build.task("deploy", "up", STACK="prod")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "commit: planned" in refused.stdout
    assert "stack file: platform:tags has changed" in refused.stdout
    assert not build.checkout.objects("prod")

    build.git("reset", "-q", "--hard", "HEAD~1")
    assert "up prod" in build.passes("deploy", "up", STACK="prod")
    moved = build.task("deploy", "up", STACK="prod")
    assert moved.returncode == 3
    assert "state: " in moved.stdout

    assert build.task("deploy", "drift", STACK="prod").returncode == 0


@pytest.mark.parametrize("what", ["", "destroy"])
def test_an_unknown_command_of_a_task_is_refused(build, what):
    done = build.task("deploy", what, STACK="prod")
    assert done.returncode == 2
    assert "plan, up, smoke or drift" in done.stderr


def test_a_task_without_a_token_or_a_deployer_is_refused(build, tmp_path):
    for name in ("plan", "plans"):
        (tmp_path / name).mkdir()
    (tmp_path / "platform").symlink_to(build.checkout.folder)
    script = "platform/pipelines/tasks/deploy.sh"
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
    for more, expected in (
        ({"STACK": "prod"}, "the identity token is missing"),
        ({"STACK": "other", "TOKEN": "x"}, "has no deployer for other"),
        ({"STACK": "prod", "TOKEN": "x"}, "No such file or directory"),
    ):
        done = subprocess.run(
            [script, "plan"],
            cwd=tmp_path,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert expected in done.stderr
