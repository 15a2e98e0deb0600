"""The scripts of the pipelines on simulated clouds: a plan, its approval, an update."""

import json

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
    assert "Not checked: certificates," in build.passes("deploy", "smoke", STACK="staging")
    assert "Not checked: the watchdog." in build.passes("deploy", "smoke", STACK="staging", WATCHDOG="yes")
    assert "Not restored: staging-database-" in build.passes("deploy", "drill", STACK="staging")

    build.passes("deploy", "plan", STACK="prod")
    assert "preview prod" in (build.folder / "plan" / "prod.txt").read_text()
    digest = json.loads((build.folder / "plan" / "prod.json").read_text())["digest"]
    assert f"prod: plan {digest}" in build.keep("prod")
    assert "prod: plan" in build.passes("remind", DAYS="7", URL="https://infra.example.org")

    # A merge after the plan is another commit: the plan is refused.
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
