"""`tools/check_pipelines.py` beside `fly validate-pipeline --strict`, over the pipelines of examples.yml."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.check_pipelines import Checker

EXAMPLES = {
    each["name"]: each for each in yaml.safe_load(Path(__file__).with_name("examples.yml").read_text())
}
STRICTER = {
    "no step before this one provides": "The build fails with a missing input, image or file.",
    "nothing sets it": "The build fails, unless Vault has the variable: then the page lists it.",
    "does not exist": "A task or pipeline that the repository does not have is found only when a build runs.",
    "the task does not have": "Concourse ignores the mapping, so the artifact has another name than it says.",
    "no worker has type": "The resource is never checked.",
    "does not match every": "Concourse takes another text for a version as `latest`.",
    "does not match all": "Concourse takes another text for inputs as none.",
    "does not match json": "The build fails when it loads the variable.",
    "does not match (": "The build fails when the step starts.",
    "must be a list": "The build fails when it expands `across`.",
    "within a text it must be": "Setting the pipeline fails (vars/template.go).",
    "expected a single document": "Concourse ignores all documents but the first.",
}  # fmt: skip
"""Why ours refuses what fly accepts, by a part of what it says."""


def problems(example, root):
    (root / "pipelines").mkdir()
    (root / "docs").mkdir()
    (root / "docs" / "pipelines.md").write_text("((login))")
    (root / "pipelines" / "example.yml").write_text(example["pipeline"])
    return sorted(Checker(root / "pipelines", root).problems)


def test_there_are_enough_examples_of_each_verdict():
    verdicts = [(each["fly"] == "valid", each["ours"] == "valid") for each in EXAMPLES.values()]
    assert {each: verdicts.count(each) >= 15 for each in set(verdicts)} == {
        (True, True): True,
        (True, False): True,
        (False, True): True,
        (False, False): False,
    }
    assert len(verdicts) >= 60


@pytest.mark.parametrize("name", EXAMPLES)
def test_ours_says_what_the_example_records(name, tmp_path):
    found, expected = problems(EXAMPLES[name], tmp_path), EXAMPLES[name]["ours"]
    assert found == [] if expected == "valid" else any(expected in each for each in found), found


def test_ours_refuses_nothing_that_fly_accepts_but_for_a_listed_reason():
    stricter = [each["ours"] for each in EXAMPLES.values() if each["fly"] == "valid" != each["ours"]]
    for text in stricter:
        assert [reason for reason in STRICTER if reason in text], text
    for reason in STRICTER:
        assert [text for text in stricter if reason in text], f"no example of {reason!r}"


@pytest.mark.skipif(not shutil.which("fly"), reason="fly is not on PATH: the recorded verdicts stand")
@pytest.mark.parametrize("name", EXAMPLES)
def test_fly_says_what_the_example_records(name, tmp_path):
    problems(EXAMPLES[name], tmp_path)
    command = ["fly", "validate-pipeline", "--strict", "--config", tmp_path / "pipelines" / "example.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = EXAMPLES[name]["fly"]
    assert (done.returncode == 0) == (expected == "valid")
    assert expected == "valid" or expected in done.stdout + done.stderr
