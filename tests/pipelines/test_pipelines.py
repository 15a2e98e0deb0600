"""Our pipelines, and `tools/check_pipelines.py`, which finds planted faults in copies of them."""

import json
import re
import shutil

import pytest
import yaml

from components.kubernetes.charts import PYTHON_IMAGE
from deploy.stack_file import settings, stacks
from tests.support.recorder import ROOT
from tools.check_pipelines import Checker, main, mappings, variables

FAULTS = {
    "a task file that does not exist": (
        "platform.yml", "tasks/smoke.yml", "tasks/smok.yml",
        "platform.yml: jobs.try.plan[3].task(smoke).file: pipelines/tasks/smok.yml does not exist",
    ),
    "a pipeline file that does not exist": (
        "reconfigure.yml", "file: pipelines/pipelines/drift.yml", "file: pipelines/pipelines/drifts.yml",
        "set_pipeline(drift): pipelines/drifts.yml does not exist",
    ),
    "a script that does not exist": (
        "tasks/up.yml", "tasks/deploy.sh", "tasks/deploi.sh",
        "tasks/up.yml: run.path: pipelines/tasks/deploi.sh does not exist",
    ),
    "a script in no input": (
        "tasks/up.yml", "path: platform/pipelines", "path: platfrom/pipelines",
        "tasks/up.yml: run.path: 'platfrom' is not an input of the task; did you mean platform?",
    ),
    "an input that no step provides": (
        "platform.yml", "    input_mapping: {plans: plan}\n", "",
        "task(up).inputs: no step before this one provides 'plans'; did you mean plan?",
    ),
    "an output with another name": (
        "tasks/list-stacks.yml", "- name: stacks", "- name: stack",
        "load_var(stacks).file: no step before this one provides 'stacks'; did you mean stack?",
    ),
    "an input of a put that no step provides": (
        "platform.yml", "inputs: [kept]", "inputs: [keep]",
        "put(plans).inputs: no step before this one provides 'keep'; did you mean kept?",
    ),
    "a mapping of an input that the task does not have": (
        "platform.yml", "input_mapping: {plans: plan}", "input_mapping: {plan: plan, plans: plan}",
        "task(up).input_mapping: the task does not have 'plan'; did you mean plans?",
    ),
    "a param that the task does not have": (
        "platform.yml", "RUNS_ON: ", "RUN_ON: ",
        "task(up).params: the task has no param 'RUN_ON'; did you mean RUNS_ON?",
    ),
    "a param without a value": (
        "previews.yml", "params: {STACK: ((.:stack))}", "params: {}",
        "task(rehearse).params: STACK is missing; set it here",
    ),
    "a variable that is in no file": (
        "platform.yml", "((repository.uri))", "((repository.url))",
        "platform.yml: resources.((repository.url)): nothing sets it; set it in a set_pipeline",
    ),
    "a variable that no set_pipeline step sets": (
        "reconfigure.yml", "    instance_vars: {stack: ((.:stack))}\n", "",
        "environment.yml: jobs.plan.plan[1].task(plan).((stack)): nothing sets it",
    ),
    "a variable of no source": (
        "platform.yml", "((identity:token))", "((idenity:token))",
        "task(plan).((idenity:token)): nothing sets it",
    ),
    "a local variable that no step sets": (
        "previews.yml", "context: ((.:stack))", "context: ((.:stak))",
        "put(pull-request).((.:stak)): nothing sets it",
    ),
    "an artifact of a step that runs in parallel": (
        "previews.yml", "    - get: task-image\n", "    - load_var: commit\n      file: platform/.git/HEAD\n",
        "plan[0].in_parallel[2].load_var(commit).file: no step before this one provides 'platform'",
    ),
    "a duplicate key": (
        "platform.yml", "  serial: true\n", "  serial: true\n  serial: false\n",
        "platform.yml: YAML: duplicate key serial",
    ),
    "a duplicate key in a file of variables": (
        "vars/platform.yml", "  try: ", "  try: other\n  try: ",
        "vars/platform.yml: YAML: duplicate key try",
    ),
    "an image that no step provides": (
        "previews.yml", "    - get: task-image\n", "",
        "task(list-stacks).image: no step before this one provides 'task-image'; there are:",
    ),
    "a hook that uses a variable of across, which is over then": (
        "previews.yml", "    do:\n    - put",
        "    on_error: {put: pull-request, params: {context: ((.:stack))}}\n    do:\n    - put",
        "do.on_error.put(pull-request).((.:stack)): nothing sets it",
    ),
    "across a mapping": (
        "previews.yml", "values: ((.:stacks))", "values: ((delivery))",
        "do.across(stack).values: must be a list, not {'try':",
    ),
    "a mapping within a text": (
        "platform.yml", "    uri: ((repository.uri))", "    uri: git@((repository))",
        "resources.((repository)): within a text it must be a text or a whole number, not {'uri':",
    ),
    "a type that no worker has": (
        "platform.yml", "type: git\n", "type: gti\n",
        "resources.platform: no worker has type 'gti'; did you mean git?",
    ),
    "a time limit that is none": (
        "platform.yml", "timeout: 1h\n", "timeout: 1 hour\n",
        "task(plan).timeout: '1 hour' does not match",
    ),
    "a key that a task file may not have": (
        "tasks/up.yml", "inputs:\n", "input:\n",
        "tasks/up.yml: input: Concourse knows no such key; did you mean inputs?",
    ),
    "a number as an argument in a task file": (
        "tasks/up.yml", "run:\n", "run:\n  user: 0\n",
        "tasks/up.yml: run.user: must be a str, not 0",
    ),
    "a task file for no platform": (
        "tasks/up.yml", "platform: linux\n", "",
        "tasks/up.yml: platform: is missing, as in platform: linux",
    ),
    "a variable of the pipeline in a task file, which only the build fills": (
        "tasks/up.yml", "platform: linux\n", "platform: ((repository.name))\n",
        "task(up).file.((repository.name)): nothing sets it",
    ),
    "a pipeline with a structure that Concourse does not know": (
        "drift.yml", "- name: drift\n", "- title: drift\n",
        "drift.yml: schema: not as Concourse defines it (KeyError('name'))",
    ),
    "text that is not YAML": ("drift.yml", "jobs:\n", "jobs: [\n", "drift.yml: YAML: "),
}  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A copy of our pipelines."""
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "pipelines.md", tmp_path / "docs")
    return tmp_path


def problems(root):
    return sorted(Checker(root / "pipelines", root).problems)


def test_our_pipelines_have_no_problem(copy):
    assert problems(ROOT) == []
    assert problems(copy) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_check_pipelines_finds_the_planted_fault_and_its_place(copy, fault):
    name, old, new, expected = FAULTS[fault]
    file = copy / "pipelines" / name
    text = file.read_text()
    assert old in text, "the text to replace is no longer in the file"
    file.write_text(text.replace(old, new, 1))
    found = problems(copy)
    assert [each for each in found if each.startswith("pipelines/") and expected in each], found


def test_check_pipelines_finds_a_script_that_is_not_executable_and_a_task_that_no_pipeline_uses(copy):
    tasks = copy / "pipelines" / "tasks"
    (tasks / "keep.sh").chmod(0o644)
    shutil.copy(tasks / "keep.yml", tasks / "spare.yml")
    script = "run.path: pipelines/tasks/keep.sh is not executable; run chmod +x pipelines/tasks/keep.sh"
    assert problems(copy) == [
        f"pipelines/tasks/keep.yml: {script}",
        f"pipelines/tasks/spare.yml: {script}",
        "pipelines/tasks/spare.yml: task: no pipeline uses it; delete the file",
    ]


@pytest.mark.parametrize("status", [0, 1])
def test_fly_validates_each_pipeline_if_it_is_on_path(copy, monkeypatch, status):
    fly = copy / "fly"
    fly.write_text(f'#!/bin/sh\necho "$@" >> {copy}/log\nexit {status}\n')
    fly.chmod(0o755)
    monkeypatch.setenv("PATH", str(copy), prepend=":")
    assert main(copy / "pipelines", copy) == status
    files = sorted((copy / "pipelines").glob("*.yml"))
    given = f"--load-vars-from={copy}/pipelines/vars/platform.yml"
    expected = [f"validate-pipeline --strict --config {file} {given}" for file in files]
    assert (copy / "log").read_text().splitlines() == expected


def test_each_pipeline_that_fly_did_not_validate_is_named(copy, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(copy))
    assert main(copy / "pipelines", copy) == 0
    printed = capsys.readouterr().out
    for file in (copy / "pipelines").glob("*.yml"):
        assert f"{file.name}: skipped `fly validate-pipeline --strict`: fly is not on PATH" in printed


def test_docs_list_no_secret_that_no_pipeline_uses():
    secrets = set(re.findall(r"\(\(([-.\w]+)\)\)", (ROOT / "docs" / "pipelines.md").read_text()))
    files = (ROOT / "pipelines").glob("*.yml")
    assert secrets <= {name for file in files for name in variables(yaml.safe_load(file.read_text()))}


def test_renovate_finds_every_image_of_the_pipelines():
    """By the expressions of renovate.json5; a tag that is a variable is the task image, which we build."""
    config = (ROOT / "renovate.json5").read_text()
    patterns = [
        json.loads(f'"{each}"') for each in re.findall(r'^\s+"(# renovate: .*)",$', config, re.MULTILINE)
    ]
    patterns = [each.replace("(?<", "(?P<") for each in patterns]
    for file in [*(ROOT / "pipelines").rglob("*.yml"), ROOT / "pipelines" / "image" / "Dockerfile"]:
        text = file.read_text()
        found = {match["currentValue"] for each in patterns for match in re.finditer(each, text)}
        pinned = re.findall(r"^ +tag: ([^(\s]+)$|^FROM [^:\s]+:(\S+)", text, re.MULTILINE)
        assert {"".join(each) for each in pinned} - {'"1"'} == found, file.name


def test_the_task_image_has_the_pulumi_that_the_program_is_pinned_to():
    (pulumi,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    dockerfile = (ROOT / "pipelines" / "image" / "Dockerfile").read_text()
    assert f"FROM pulumi/pulumi-python-3.12:{pulumi} AS program\n" in dockerfile


def test_list_stacks_runs_in_the_python_image_that_jobs_use():
    task = yaml.safe_load((ROOT / "pipelines" / "tasks" / "list-stacks.yml").read_text())["image_resource"]
    found = (task["source"]["repository"], task["source"]["tag"], task["version"]["digest"])
    assert found == PYTHON_IMAGE


def pipeline(name):
    return yaml.safe_load((ROOT / "pipelines" / f"{name}.yml").read_text())


def secrets(value):
    """The variables that a value takes from Vault."""
    public = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())
    return {name for name in variables(value) if ":" not in name and name.split(".")[0] not in public}


def test_the_code_of_a_pull_request_is_given_no_credential():
    """It is an input of two tasks: one that lists its files, and one that takes the credentials away."""
    (job,) = pipeline("previews")["jobs"]
    assert not job.get("public")
    assert secrets(job) == set()
    tasks = {step["task"]: step for step in mappings(job) if "task" in step}
    files = {name: pipeline(f"tasks/{name}") for name in tasks}
    for name, task in tasks.items():
        inputs = {each["name"] for each in files[name]["inputs"]}
        given = {task.get("input_mapping", {}).get(each, each) for each in inputs}
        assert ("pull-request" in given) == (name in {"list-stacks", "without-credentials"})
        assert files[name]["run"]["path"].startswith("platform/")
    assert [name for name, task in tasks.items() if task.get("tags") == ["previews"]] == ["rehearse"]
    assert "caches" not in files["rehearse"]
    assert files["rehearse"]["params"] == {"STACK": None}


def test_no_step_that_comments_has_the_checkout_or_the_files_of_a_pull_request():
    """The resource reads the comment's file through links, and posted its own token from the checkout."""
    puts = [step for step in mappings(pipeline("previews")) if "put" in step]
    assert len(puts) == 3
    assert {name for step in puts for name in step["inputs"]} == {"about", "checked"}


def test_only_the_job_that_builds_the_task_image_may_push_it():
    """Every deployer runs that image."""
    for file in (ROOT / "pipelines").glob("*.yml"):
        users = [
            each["name"] for each in pipeline(file.stem)["resources"] if "((registry.password))" in str(each)
        ]
        assert users == (["built-image"] if file.stem == "platform" else []), file.name
    jobs = [job["name"] for job in pipeline("platform")["jobs"] if "built-image" in str(job)]
    assert jobs == ["task-image"]


def test_pull_requests_of_strangers_need_an_approval_and_cannot_skip_the_preview():
    (source,) = [r["source"] for r in pipeline("previews")["resources"] if r["name"] == "pull-request"]
    assert source["required_review_approvals"] >= 1
    assert source["disable_ci_skip"] is True


def test_previews_have_a_team_of_their_own_without_an_identity():
    assert "var_sources" not in pipeline("previews")
    (step,) = [each for each in mappings(pipeline("reconfigure")) if each.get("set_pipeline") == "previews"]
    assert step["team"] == "previews"
    own = pipeline("vars/platform")["delivery"]["own"]
    (pool,) = [pool for pool in settings(own).cluster.worker_pools if "previews" in pool.tags]
    assert pool.team == "previews"
    assert pool.internet_access != "all"
    assert "previews" in {team.name for team in settings(own).teams}


def test_every_step_that_runs_on_a_worker_of_the_team_main_has_the_tag_deployers():
    """Concourse 8.2.5 has no tags of jobs. A resource is checked on a worker with its tags."""
    for name in ("platform", "environment", "drift", "reconfigure"):
        data = pipeline(name)
        steps = [step for step in mappings(data["jobs"]) if {"get", "put", "task"} & step.keys()]
        for each in [*steps, *data["resources"]]:
            assert each.get("tags") == ["deployers"], (name, each)


def test_nothing_writes_to_a_cloud_but_by_a_plan_and_prod_and_infra_by_a_person():
    pipeline = yaml.safe_load((ROOT / "pipelines" / "platform.yml").read_text())
    jobs = {job["name"]: job for job in pipeline["jobs"]}
    for name in ("release", "own"):
        (inputs,) = [step["in_parallel"] for step in jobs[name]["plan"] if "in_parallel" in step]
        assert {step["get"] for step in inputs} == {"platform", "kubelogin", "task-image", "plans"}
        assert all(step["passed"] == [f"plan-{name}"] for step in inputs)
        assert not any(step.get("trigger") for step in inputs)
    assert jobs["plan-release"]["plan"][0]["in_parallel"][0]["passed"] == ["soak"]
    assert not [job for job in jobs.values() if job.get("interruptible")]
    assert "attempts:" not in (ROOT / "pipelines" / "platform.yml").read_text()


def test_every_stack_is_asked_for_its_watchdog_with_the_identity_of_its_drift_check():
    data = pipeline("drift")
    [watch] = [job for job in data["jobs"] if job["name"] == "watch"]
    [task] = [step for step in watch["plan"] if "task" in step]
    assert task["file"] == "platform/pipelines/tasks/smoke.yml"
    assert (task["params"]["STACK"], task["params"]["WATCHDOG"]) == ("((stack))", "yes")
    [source] = data["var_sources"]
    assert source["config"]["subject_scope"] == "instance", "another job has the same subject"
    [clock] = [each for each in data["resources"] if each["name"] == "half-hour"]
    assert clock["source"] == {"interval": "30m"}
    assert [step for step in watch["plan"][0]["in_parallel"] if step.get("trigger")] == [
        {"get": "half-hour", "trigger": True, "tags": ["deployers"]}
    ]


def test_the_alert_of_red_jobs_is_of_our_pipelines():
    groups = yaml.safe_load((ROOT / "components" / "monitoring" / "alerts" / "concourse.yaml").read_text())[
        "groups"
    ]
    (record, alert) = [r["expr"] for g in groups if g["name"] == "concourse-infra" for r in g["rules"]]
    named, *more = [set(found.split("|")) for found in re.findall(r'pipeline=~"([^"]+)"', record + alert)]
    pipelines = {file.stem for file in (ROOT / "pipelines").glob("*.yml")}
    assert named == set.union(*more) == pipelines - {"previews"}  # those of pull requests may fail


def test_no_pipeline_and_no_task_names_a_stack():
    for file in [*(ROOT / "pipelines").glob("*.yml"), *(ROOT / "pipelines" / "tasks").iterdir()]:
        assert not re.search(rf"\b({'|'.join(stacks())})\b(?!-is-down)", file.read_text()), file.name


def test_the_pipelines_log_in_to_the_concourse_of_the_stack_that_runs_them():
    """Its address is also the issuer of their tokens, which Azure trusts as it is in the stack file."""
    given = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())
    own = settings(given["delivery"]["own"])
    assert own.deployers
    assert given["concourse"] == f"https://{own.host_names['concourse']}"
