"""The examples for teams."""

import os
import shutil
import subprocess

import pytest
import yaml

from tests.support.recorder import ROOT
from tools.check_pipelines import Checker, variables

EXAMPLES = ROOT / "examples" / "for-teams"


@pytest.fixture
def copy(tmp_path):
    """The examples as a folder of pipelines, with the variables that a team writes to Vault."""
    shutil.copytree(EXAMPLES, tmp_path / "pipelines")
    used = {name for file in EXAMPLES.glob("*.yml") for name in variables(yaml.safe_load(file.read_text()))}
    (tmp_path / "pipeline.yml").touch()  # of the team's own repository
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pipelines.md").write_text("".join(f"(({name}))" for name in used if name[0] != "."))
    return tmp_path


def test_the_examples_have_no_problem(copy):
    assert sorted(Checker(copy / "pipelines", copy).problems) == []


@pytest.mark.parametrize("name", ["payments", "shop"])
def test_the_scripts_in_an_example_have_no_syntax_error(name):
    jobs = yaml.safe_load((EXAMPLES / f"{name}.yml").read_text())["jobs"]
    scripts = [step["config"]["run"]["args"][1] for job in jobs for step in job["plan"] if "task" in step]
    for script in scripts:
        done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_set_pipeline_logs_in_saves_the_version_that_it_read_and_unpauses(httpserver):
    """Requests and answers as a real Concourse 8.2.5 has them: `deploy smoke` uses the same."""
    path = "/api/v1/teams/payments/pipelines/payments"
    httpserver.expect_request("/sky/issuer/token").respond_with_json({"access_token": "abc"})
    httpserver.expect_request(f"{path}/config").respond_with_json(
        {"config": {}}, headers={"X-Concourse-Config-Version": "7"}
    )
    httpserver.expect_request(f"{path}/unpause").respond_with_data("")
    file, url = EXAMPLES / "payments.yml", httpserver.url_for("").rstrip("/")
    done = subprocess.run(
        [EXAMPLES / "set-pipeline.sh", "payments", "payments", file],
        env={"PATH": os.environ["PATH"], "CONCOURSE": url, "PASSWORD": "a&b=c"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    login, read, save, unpause = [request for request, _ in httpserver.log]
    assert (login.method, login.form["password"]) == ("POST", "a&b=c")
    for request, method in ((read, "GET"), (save, "PUT"), (unpause, "PUT")):
        assert (request.method, request.headers["Authorization"]) == (method, "Bearer abc")
    assert save.headers["X-Concourse-Config-Version"] == "7"
    assert save.get_data() == file.read_bytes()
