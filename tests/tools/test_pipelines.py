"""The pipelines pass, and broken ones are told with file, line and what is wrong."""

import re
import subprocess

import pytest
import yaml

from deploy.stack_file import stacks
from tests.support.recorder import ROOT
from tools.concourse import variables
from tools.pipelines import problems

GOOD = """\
groups:
- name: all
  jobs: [build, deploy-*]
  resources: [source]
var_sources:
- name: identity
  type: idtoken
  config: {audience: [api://x], subject_scope: job, expires_in: 2h}
resource_types:
- name: slack
  type: registry-image
  source: {repository: example/slack, tag: v1.0.0}
resources:
- name: source
  type: git
  check_every: 1h
  source: {uri: ((uri)), branch: main}
- name: message
  type: slack
  source: {url: ((webhook))}
jobs:
- name: build
  serial: true
  build_log_retention: {builds: 20, minimum_succeeded_builds: 1}
  plan:
  - get: source
    trigger: true
  - task: build
    file: source/pipelines/tasks/build.yml
    params: {TOKEN: ((identity:token))}
    input_mapping: {code: source}
    timeout: 1h30m
  - load_var: built
    file: result/name
  - across:
    - var: place
      values: [here, there]
      max_in_flight: 2
    do:
    - put: message
      params: {text: "((.:built)) is ((.:place)) of ((.:source.commit))"}
      no_get: true
  on_failure:
    put: message
    inputs: [result]
- name: deploy-it
  plan:
  - in_parallel:
      limit: 2
      steps:
      - get: source
        passed: [build]
      - get: again
        resource: source
  - try:
      task: inline
      config:
        platform: linux
        image_resource: {type: registry-image, source: {repository: busybox, tag: "1.37"}}
        inputs: [{name: again}]
        run: {path: sh, args: [-c, "true"]}
  - set_pipeline: self
    file: source/pipelines/good.yml
    vars: {uri: x}
"""
TASK = """\
platform: linux
image_resource:
  type: registry-image
  source: {repository: python}
  version: {digest: "sha256:0"}
inputs:
- name: code
outputs:
- name: result
caches:
- {path: code/.cache, ttl: 24h}
params:
  TOKEN:
  SPEED: fast
run:
  path: code/pipelines/tasks/build.sh
"""
BROKEN = [
    # what to put in its place · line · what must be said
    ("- name: build\n  serial: true", "- name: build\n  seriall: true", 23,
     "jobs.build: unknown field 'seriall'; did you mean serial?"),
    ("    trigger: true", "    triger: true", 27, "get(source): unknown field 'triger'; did you mean trigger?"),
    ("    trigger: true", "    trigger: yes please", 27, "get(source).trigger: input should be a valid boolean"),
    ("groups:", "goups:", 1, "unknown field 'goups'; did you mean groups?"),
    ("max_in_flight: 2", "max_in_fligth: 2", 38, "across[0]: unknown field 'max_in_fligth'"),
    ("    config:\n", "    config:\n        platfrom: linux\n", None, ""),
    ("        platform: linux", "        platfrom: linux", 58, "config: unknown field 'platfrom'"),
    ("        platform: linux\n", "", 57, "config: platform is missing"),
    ("  type: slack", "  type: slak", 19, "resources.message: unknown resource type 'slak'; did you mean slack?"),
    ("  type: registry-image\n  source: {repository: example", "  type: regstry\n  source: {repository: example", 11,
     "resource_types.slack: unknown resource type 'regstry'"),
    ("{type: registry-image, source: {repository: busybox", "{type: image, source: {repository: busybox", None,
     "unknown resource type 'image'"),
    ("build.yml", "built.yml", 29, "there is no file pipelines/tasks/built.yml"),
    ("good.yml", "bad.yml", 63, "there is no file pipelines/bad.yml"),
    ("vars: {uri: x}", "vars: {urn: x}", 62, "good.yml has no variable ((urn))"),
    ("passed: [build]", "passed: [bild]", 52, "passed: no job matches 'bild'"),
    ("passed: [build]", "passed: [deploy-it]", 46, "jobs.deploy-it: waits, by passed, for a job that waits for it"),
    ("      - get: again\n", "      - get: source\n", 53, "another get of this job has that name"),
    ("      - get: again\n        resource: source\n", "      - get: again\n", 53, "unknown resource 'again'"),
    ("    put: message\n    inputs", "    put: mesage\n    inputs", 43, "unknown resource 'mesage'; did you mean message?"),
    ("inputs: [result]", "inputs: [resutl]", 45, "unknown input 'resutl'; did you mean result?"),
    ("resources:\n- name: source", "resources:\n- name: night\n  type: time\n  source: {}\n- name: source", 14,
     "resources.night: is not used"),
    ("resource_types:\n", "resource_types:\n- name: other\n  type: git\n  source: {}\n", 10,
     "resource_types.other: is not used"),
    ("tag: v1.0.0", "tag: latest", 12, "says neither a tag nor, in version, a digest"),
    ("jobs: [build, deploy-*]", "jobs: [build]", 46, "jobs.deploy-it: belongs to no group"),
    ("jobs: [build, deploy-*]", "jobs: [build, deploy-*, test]", 3, "groups.all: no job matches 'test'"),
    ("  resources: [source]", "  resources: [sorce]", 4, "unknown resource 'sorce'"),
    ("subject_scope: job", "subject_scope: jobs", 8, "var_sources.identity.subject_scope: input should be"),
    ("expires_in: 2h", "expires_in: 25h", 8, "expires_in is at most 24h"),
    ("audience: [api://x]", "audiences: [x]", 8, "unknown field 'audiences'; did you mean audience?"),
    ("  type: idtoken", "  type: conjur", 7, "var_sources.identity.type: input should be"),
    ("((identity:token))", "((idenity:token))", 28, "((idenity:token)) is of 'idenity', which is none of var_sources"),
    ("((.:place))", "((.:plaec))", 40, "nothing before sets the variable ((.:plaec))"),
    ("  - load_var: built\n    file: result/name\n", "", None, "nothing before sets the variable ((.:built))"),
    ("    file: result/name", "    file: results/name", 34, "unknown input 'results'"),
    ("    input_mapping: {code: source}\n", "", 28, "the task needs the input 'code', which no step before gives"),
    ("input_mapping: {code: source}", "input_mapping: {cod: source, code: source}", 31, "unknown input of the task 'cod'"),
    ("    params: {TOKEN: ((identity:token))}\n", "", 28, "the task needs the param TOKEN"),
    ("params: {TOKEN:", "params: {SPED: slow, TOKEN:", 30, "unknown param of the task 'SPED'; did you mean SPEED?"),
    ("timeout: 1h30m", "timeout: 90 minutes", 32, "timeout: '90 minutes' is not a duration"),
    ("check_every: 1h", "check_every: hourly", 16, "'hourly' is not a duration"),
    ("- name: build\n", "- name: Build\n", 22, "'Build' must start with a lowercase letter or a number"),
    ("  - load_var: built", "  - load_var: built it", 33, "'built it' has the illegal character ' '"),
    ("name: deploy-it", "name: build", 46, "jobs.build: jobs[0] has that name too"),
    ("    file: source/pipelines/tasks/build.yml\n", "", 28, "has neither file nor config; one of them is needed"),
    ("      config:\n", "      file: source/pipelines/tasks/build.yml\n      config:\n", 55, "has file and config"),
    ("  - get: source\n    trigger", "  - get: source\n    task: x\n    trigger", 26, "is get and task at once"),
    ("  - load_var: built", "  - load: built", 33, "is no step; a step has one of get, put"),
    ("values: [here, there]", "", 36, "across[0]: values is missing"),
    ("builds: 20", "builds: -1", 24, "build_log_retention.builds: input should be greater than or equal to 0"),
    ("minimum_succeeded_builds: 1", "minimum_succeeded_builds: 21", 24, "minimum_succeeded_builds is more than builds"),
    ("  serial: true\n", "  serial: true\n  serial: false\n", 22, "the key 'serial' is there 2 times"),
    ("  plan:\n  - get: source\n    trigger", "  plan:\n  - get: source\n    attempts: 0\n    trigger", 27, "greater than 0"),
    ("  - try:\n", "  - try: x\n", None, "no YAML"),
]  # fmt: skip
BROKEN_TASKS = [
    ("platform: linux\n", "", 1, "task: platform is missing"),
    ("outputs:", "ouputs:", 8, "unknown field 'ouputs'; did you mean outputs?"),
    ("  type: registry-image", "  type: registry", None, "unknown resource type 'registry'; did you mean registry-image?"),
    ('  version: {digest: "sha256:0"}\n', "", 4, "says neither a tag nor, in version, a digest"),
    ("build.sh", "built.sh", 16, "there is no file pipelines/tasks/built.sh"),
    ("  path: code/", "  path: other/", 16, "'other' is no input of this task"),
    ("ttl: 24h", "ttl: a day", 11, "'a day' is not a duration"),
    ("- name: code\n", "- name: code\n- name: code\n", 6, "inputs: 'code' is there 2 times"),
    ('image_resource:\n  type: registry-image\n  source: {repository: python}\n  version: {digest: "sha256:0"}\n', "",
     None, "the task has no image, and neither has the step"),
]  # fmt: skip


def told(folder, pipeline=GOOD, task=TASK, *, mode=0o755):
    """What is said of a project with one pipeline and one task."""
    (folder / "pipelines" / "tasks").mkdir(parents=True)
    (folder / "pipelines" / "good.yml").write_text(pipeline)
    (folder / "pipelines" / "tasks" / "build.yml").write_text(task)
    (folder / "pipelines" / "tasks" / "build.sh").write_text("")
    (folder / "pipelines" / "tasks" / "build.sh").chmod(mode)
    return [str(problem) for problem in problems(folder / "pipelines", folder)]


def test_our_pipelines_and_tasks_have_no_problem():
    assert problems(ROOT / "pipelines") == []


def test_a_good_pipeline_has_no_problem(tmp_path):
    assert told(tmp_path) == []


@pytest.mark.parametrize(("old", "new", "line", "text"), BROKEN, ids=[row[3] or row[1] for row in BROKEN])
def test_a_broken_pipeline_is_told_with_its_place(tmp_path, old, new, line, text):
    assert GOOD.count(old) >= 1
    said = told(tmp_path, GOOD.replace(old, new, 1))
    where = rf"pipelines/good\.yml:{line or '[0-9]+'}: "
    assert any(re.match(where, each) and text in each for each in said), said


@pytest.mark.parametrize(("old", "new", "line", "text"), BROKEN_TASKS, ids=[row[3] for row in BROKEN_TASKS])
def test_a_broken_task_is_told_with_its_place(tmp_path, old, new, line, text):
    assert TASK.count(old) >= 1
    said = told(tmp_path, task=TASK.replace(old, new, 1))
    where = rf"pipelines/tasks/build\.yml:{line}: " if line else r"pipelines/good\.yml:28: "
    assert any(re.match(where, each) and text in each for each in said), said


def test_a_script_that_cannot_be_run_and_a_task_that_nothing_uses_are_told(tmp_path):
    said = told(tmp_path, GOOD.replace("build.yml", "other.yml"), mode=0o644)
    assert (
        "pipelines/tasks/build.yml:16: run.path: pipelines/tasks/build.sh is not executable: chmod +x "
        in said[0]
    )
    assert any("build.yml:1: no pipeline uses this task" in each for each in said)


def test_what_a_job_has_not_had_cannot_have_passed_it(tmp_path):
    other = "resources:\n- name: night\n  type: time\n  source: {}\n"
    changed = GOOD.replace("resources:\n", other, 1).replace(
        "        resource: source\n", "        resource: night\n        passed: [build]\n"
    )
    (said,) = told(tmp_path, changed)
    assert said.startswith("pipelines/good.yml:")
    assert "'build'" in said
    assert "'night'" in said


def test_one_mistake_is_told_once(tmp_path):
    said = told(tmp_path, GOOD.replace("- name: build\n  serial: true", "- name: build\n  seriall: true"))
    assert len(said) == 1, said


def test_what_a_pipeline_asks_for_is_in_the_repository_or_in_the_list_of_secrets():
    known = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())
    secrets = set(re.findall(r"\(\(([-.\w]+)\)\)", (ROOT / "docs" / "pipelines.md").read_text()))
    used = {
        name
        for file in (ROOT / "pipelines").glob("*.yml")
        for name in variables(yaml.safe_load(file.read_text()))
    }
    asked = {name for name in used if ":" not in name and name.split(".")[0] not in known} - {"stack"}
    assert asked == secrets


def test_every_image_has_a_comment_by_which_renovate_finds_it():
    for file in (ROOT / "pipelines").rglob("*.yml"):
        text = file.read_text()
        assert len(re.findall(r"# renovate: datasource=docker depName=\S+\n +tag: ", text)) == text.count(
            "\n    tag: "
        )


def test_the_tasks_run_the_pulumi_that_the_program_is_pinned_to():
    (pulumi,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    for file in (ROOT / "pipelines" / "tasks").glob("*.yml"):
        assert f"    tag: {pulumi}\n" in file.read_text()


def test_pull_requests_are_given_no_credential():
    pipeline = yaml.safe_load((ROOT / "pipelines" / "platform.yml").read_text())
    (preview,) = [job for job in pipeline["jobs"] if job["name"] == "preview"]
    assert not preview.get("public")
    assert {name for name in variables(preview) if not name.startswith(".:")} == set()
    (source,) = [r["source"] for r in pipeline["resources"] if r["name"] == "pull-request"]
    assert source["required_review_approvals"] >= 1
    task = yaml.safe_load((ROOT / "pipelines" / "tasks" / "rehearse.yml").read_text())
    assert "caches" not in task
    assert task["params"] == {"STACK": None}


def test_nothing_writes_to_a_cloud_but_by_a_plan_and_prod_and_infra_by_a_person():
    pipeline = yaml.safe_load((ROOT / "pipelines" / "platform.yml").read_text())
    jobs = {job["name"]: job for job in pipeline["jobs"]}
    for name in ("release", "own"):
        (inputs,) = [step["in_parallel"] for step in jobs[name]["plan"] if "in_parallel" in step]
        assert [step["get"] for step in inputs if step["passed"] == [f"plan-{name}"]] == [
            "platform",
            "kubelogin",
            "plans",
        ]
        assert not any(step.get("trigger") for step in inputs)
    assert jobs["plan-release"]["plan"][0]["in_parallel"][0]["passed"] == ["soak"]
    assert not [job for job in jobs.values() if job.get("interruptible")]
    assert "attempts:" not in (ROOT / "pipelines" / "platform.yml").read_text()


def test_the_alert_of_red_jobs_is_of_our_pipelines():
    groups = yaml.safe_load((ROOT / "components" / "monitoring" / "alerts" / "concourse.yaml").read_text())[
        "groups"
    ]
    (alert,) = [r for g in groups for r in g["rules"] if r.get("alert") == "ConcourseInfraJobRed"]
    (named,) = re.findall(r'pipelineName=~"([^"]+)"', alert["expr"])
    assert set(named.split("|")) == {file.stem for file in (ROOT / "pipelines").glob("*.yml")}
    (other,) = re.findall(r'jobName!="([^"]+)"', alert["expr"])
    jobs = yaml.safe_load((ROOT / "pipelines" / "platform.yml").read_text())["jobs"]
    assert other in {job["name"] for job in jobs}


def test_no_pipeline_and_no_task_names_a_stack():
    for file in [*(ROOT / "pipelines").glob("*.yml"), *(ROOT / "pipelines" / "tasks").iterdir()]:
        assert not re.search(rf"\b({'|'.join(stacks())})\b(?!-is-down)", file.read_text()), file.name


def listed(folder, *names):
    """What list-stacks.sh gives for a project with these stacks."""
    (folder / "platform").symlink_to(ROOT)
    (folder / "stacks").mkdir()
    (folder / "project" / "pipelines").mkdir(parents=True)
    for name in names:
        (folder / "project" / f"Pulumi.{name}.yaml").write_text("")
    text = (ROOT / "pipelines" / "vars" / "platform.yml").read_text()
    (folder / "project" / "pipelines" / "vars").mkdir()
    (folder / "project" / "pipelines" / "vars" / "platform.yml").write_text(text)
    done = subprocess.run(
        ["platform/pipelines/tasks/list-stacks.sh"], cwd=folder, capture_output=True, text=True, check=False
    )
    found = [yaml.safe_load(file.read_text()) for file in sorted((folder / "stacks").iterdir())]
    return done, found


def test_a_fifth_environment_gets_its_pipelines_by_its_stack_file(tmp_path):
    done, (alone, every) = listed(tmp_path, *stacks(), "fifth")
    assert done.returncode == 0, done.stderr
    assert every == ["demo", "fifth", "infra", "prod", "staging"]
    assert alone == ["demo", "fifth"]


@pytest.mark.parametrize(
    ("names", "said"), [([], "no name of a stack"), (["x; rm -rf"], "no name of a stack")]
)
def test_a_list_that_would_archive_or_break_pipelines_is_refused(tmp_path, names, said):
    done, found = listed(tmp_path, *names)
    assert done.returncode == 2
    assert said in done.stderr
    assert found == []
