"""What a pipeline runs, by the same scripts on simulated clouds: a plan, its way to a person, an update."""

import json

import pytest

from tests.support.checkout import Build

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return Build(tmp_path_factory.mktemp("build"))


def test_what_is_merged_goes_to_staging_by_a_plan_and_to_prod_by_a_kept_one(build):
    build.passes("deploy", "plan", STACK="staging")
    (build.folder / "plans" / "staging.json").write_text((build.folder / "plan" / "staging.json").read_text())
    assert "up staging" in build.passes("deploy", "up", STACK="staging")
    assert "Not checked:" in build.passes("deploy", "smoke", STACK="staging")

    build.passes("deploy", "plan", STACK="prod")
    assert "preview prod" in (build.folder / "plan" / "prod.txt").read_text()
    digest = json.loads((build.folder / "plan" / "prod.json").read_text())["digest"]
    assert f"prod: plan {digest}" in build.keep("prod")
    assert "prod: plan" in build.passes("remind", DAYS="7", URL="https://infra.example.org")

    # Something is merged between the plan and the button: another commit, and nothing is changed.
    build.checkout.set("prod", "tags.owner", "somebody")
    build.commit("two")
    refused = build.task("deploy", "up", STACK="prod")
    assert refused.returncode == 3, refused.stdout
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
def test_a_task_does_what_it_is_for_and_nothing_else(build, what):
    done = build.task("deploy", what, STACK="prod")
    assert done.returncode == 2
    assert "plan, up, smoke or drift" in done.stdout
