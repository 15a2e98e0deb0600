"""Each task script under a terminal, as Concourse runs it; those that run the engine are in tests/engine."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.support.checkout import IDENTITY, TOKEN, Build
from tests.support.recorder import ROOT
from tests.support.terminal import run_in_terminal

PLAN = '{\n "digest": "%s",\n "plan": {\n  "operations": %s\n }\n}\n'


@pytest.fixture
def build(tmp_path):
    return Build(tmp_path)


def plan(build, stack, digest, *, operations='{"urn": "update"}'):
    """As the task `plan`, then `keep` and the put of its output."""
    (build.folder / "plan" / f"{stack}.json").write_text(PLAN % (digest, operations))
    (build.folder / "plan" / f"{stack}.txt").write_text(f"preview {stack}: 1 update, 300 same")
    return build.keep(stack)


def aged(build, days):
    """Make the newest plan this many days old."""
    date = f"{int(build.git('log', '-1', '--format=%ct', cwd=build.folder / 'plans')) - days * 86400} +0000"
    subprocess.run(
        ["git", *IDENTITY, "commit", "-q", "--amend", "--no-edit", "--date", date],
        cwd=build.folder / "plans", env=os.environ | {"GIT_COMMITTER_DATE": date}, check=True,
    )  # fmt: skip


def reminded(build, httpserver):
    """What `remind` prints and posts to Slack."""
    httpserver.clear()
    httpserver.expect_request("/slack", method="POST").respond_with_data("ok")
    printed = build.passes(
        "remind", DAYS="7", URL="https://ci.example.org", SLACK_WEBHOOK=httpserver.url_for("/slack")
    )
    return printed, [request.json["text"] for request, _ in httpserver.log]


def test_a_pager_that_waits_for_a_key_ends_at_the_time_limit(build):
    """So that the other tests here see a script that starts one."""
    command = ["git", "-C", build.checkout.folder, "log", "-1"]
    with pytest.raises(subprocess.TimeoutExpired) as ended:
        run_in_terminal(command, cwd=build.folder, env={**os.environ, "LESS": ""}, seconds=5)
    assert ended.value.output.endswith("(END)")


def test_each_task_script_runs_under_a_terminal_in_some_test():
    tests = [ROOT / "tests" / "pipelines", ROOT / "tests" / "engine"]
    texts = "".join(file.read_text() for folder in tests for file in folder.glob("*.py"))
    scripts = {f.stem for f in (ROOT / "pipelines" / "tasks").glob("*.sh") if os.access(f, os.X_OK)}
    assert scripts == {name for name in scripts if re.search(rf'(task|passes)\(\s*"{name}"', texts)}


def test_keep_commits_the_plan_and_names_its_digest(build):
    assert "prod: plan aaaa" in plan(build, "prod", "aaaa")
    assert (build.folder / "plans" / "prod.txt").exists()


def test_keep_records_which_plan_was_released(build):
    plan(build, "prod", "aaaa")
    shutil.copytree(build.folder / "plans", build.folder / "plan", dirs_exist_ok=True)
    assert "prod: plan aaaa released" in build.passes("keep", STACK="prod", RELEASED="yes")
    assert (build.folder / "kept" / "released" / "prod").read_text() == "aaaa\n"


def test_remind_names_a_plan_that_waits_for_a_week_and_no_younger_one(build, httpserver):
    plan(build, "prod", "aaaa")
    aged(build, 6)
    printed, texts = reminded(build, httpserver)
    assert "prod: plan aaaa, waiting for 6 days" in printed
    assert texts == []
    aged(build, 1)
    _, texts = reminded(build, httpserver)
    assert [text.splitlines()[0] for text in texts] == [
        "Nobody has released prod for 7 days. Plan aaaa waits: https://ci.example.org"
    ]
    assert "1 update, 300 same" in texts[0]


def test_remind_counts_from_the_first_plan_after_the_last_release(build, httpserver):
    """A newer plan of the same stack does not start the week again, a release does."""
    plan(build, "prod", "aaaa")
    aged(build, 9)
    plan(build, "prod", "bbbb")
    _, texts = reminded(build, httpserver)
    assert texts[0].startswith("Nobody has released prod for 9 days. Plan bbbb waits")
    shutil.copytree(build.folder / "plans", build.folder / "plan", dirs_exist_ok=True)
    build.keep("prod", RELEASED="yes")
    assert reminded(build, httpserver) == ("", [])
    plan(build, "prod", "cccc")
    printed, texts = reminded(build, httpserver)
    assert "prod: plan cccc, waiting for 0 days" in printed
    assert texts == []


def test_remind_ignores_a_plan_without_changes(build, httpserver):
    plan(build, "prod", "aaaa", operations="{}")
    aged(build, 30)
    assert reminded(build, httpserver) == ("", [])


def test_notify_posts_its_text(build, httpserver):
    httpserver.expect_request("/slack", method="POST").respond_with_data("ok")
    build.passes("notify", TEXT="the worker was lost", SLACK_WEBHOOK=httpserver.url_for("/slack"))
    assert [request.json["text"] for request, _ in httpserver.log] == ["the worker was lost"]


def test_a_pull_request_is_handed_on_without_the_github_token(build):
    build.pull_request(lambda checkout: (checkout.folder / "new").write_text("new"))
    given = build.folder / "pull-request"
    assert TOKEN in (given / ".git" / "config").read_text()
    build.passes("without-credentials")
    change = build.folder / "change"
    found = [file for file in change.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert found == []
    assert build.git("remote", cwd=change) == ""
    assert build.git("status", "--porcelain", cwd=change) == ""
    assert (change / "new").read_text() == "new"
    for name, there in (("HEAD", "HEAD"), ("base", "HEAD~1")):
        assert build.git("rev-parse", name, cwd=change) == build.git("rev-parse", there, cwd=given)


def test_a_base_that_is_no_commit_is_refused(build):
    build.pull_request(lambda checkout: (checkout.folder / "new").write_text("new"))
    (build.folder / "pull-request" / ".git" / "resource" / "base_sha").write_text("--upload-pack=sh")
    done = build.task("without-credentials")
    assert done.returncode == 1
    assert "base_sha is no commit" in done.stdout


def test_what_the_resource_needs_to_comment_has_no_token(build):
    build.pull_request(lambda checkout: (checkout.folder / "new").write_text("new"))
    build.passes("without-credentials")
    files = [file for file in (build.folder / "about").rglob("*") if file.is_file()]
    assert [file.relative_to(build.folder / "about" / ".git").parts[0] for file in files] == ["resource"]


BY_WHOM = "This text was written by the code of the pull request.\n\n"


def comment_of(build):
    (build.folder / "checked").mkdir()
    build.passes("check-comment")
    return (build.folder / "checked" / "comment.md").read_text()


def test_a_comment_is_taken_over_as_text_without_mentions(build):
    (build.folder / "comment" / "comment.md").write_text("1 update, says @everyone" + "@" * 70_000)
    comment = comment_of(build)
    assert comment.startswith(f"{BY_WHOM}1 update, says @\u200beveryone")
    assert len(comment) < 65_536


@pytest.mark.parametrize("target", ["../pull-request/.git/config", "/dev/zero", None])
def test_a_comment_that_is_a_link_or_missing_is_not_read(build, target):
    """The resource follows links: the real one posted the GitHub token of .git/config."""
    build.pull_request(lambda checkout: (checkout.folder / "new").write_text("new"))
    if target:
        (build.folder / "comment" / "comment.md").symlink_to(target)
    assert comment_of(build) == f"{BY_WHOM}The preview left no readable comment.\n"


@pytest.mark.parametrize("name", ["-e1e touch executed #.json", "Prod.json"])
def test_remind_ignores_files_with_other_names(build, httpserver, name):
    """GNU sed takes a name that begins with -e for a script, and its command `e` runs programs."""
    plan(build, "prod", "aaaa")
    (build.folder / "plans" / name).write_text(PLAN % ("bbbb", '{"urn": "update"}'))
    printed, _ = reminded(build, httpserver)
    assert "bbbb" not in printed
    assert not (build.folder / "plans" / "executed").exists()


def test_remind_and_keep_follow_no_links(build, httpserver):
    """A link to .git/config, written through, would make git run a program."""
    plan(build, "prod", "aaaa")
    (build.folder / "plans" / "prod.txt").unlink()
    (build.folder / "plans" / "prod.txt").symlink_to(".git/config")
    assert reminded(build, httpserver) == ("", [])
    done = build.task("keep", STACK="prod")
    assert done.returncode == 2
    assert "symbolic links" in done.stdout


def listed(build, *names):
    """What `list-stacks` writes for a project with these stacks."""
    (build.folder / "stacks").mkdir()
    variables = build.folder / "project" / "pipelines" / "vars" / "platform.yml"
    for file in build.checkout.folder.glob("Pulumi.*.yaml"):
        file.unlink()
    for name in names:
        (build.checkout.folder / f"Pulumi.{name}.yaml").write_text("")
    assert variables.exists()
    done = build.task("list-stacks")
    return done, [yaml.safe_load(file.read_text()) for file in sorted((build.folder / "stacks").iterdir())]


def test_a_fifth_environment_gets_its_pipelines_by_its_stack_file(build):
    done, (alone, every) = listed(build, "demo", "fifth", "infra", "prod", "staging")
    assert done.returncode == 0, done.stdout
    assert every == ["demo", "fifth", "infra", "prod", "staging"]
    assert alone == ["demo", "fifth"]


@pytest.mark.parametrize("names", [[], ["x; rm -rf"]])
def test_a_list_that_would_archive_or_break_pipelines_is_refused(build, names):
    done, found = listed(build, *names)
    assert done.returncode == 2
    assert "no name of a stack" in done.stdout
    assert found == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"STACK": "prod"}, "the identity token is missing"),
        ({"STACK": "other", "TOKEN": "x"}, "has no deployer for other"),
        ({"STACK": "prod", "TOKEN": "x"}, "No such file or directory"),  # kubelogin
    ],
)
def test_a_task_without_a_token_a_deployer_or_kubelogin_names_what_is_missing(build, params, message):
    done = build.task("deploy", "plan", REHEARSE="", **params)
    assert done.returncode != 0
    assert message in done.stdout


@pytest.mark.parametrize("command", ["", "destroy"])
def test_deploy_refuses_a_command_that_it_does_not_know(build, command):
    done = build.task("deploy", command, STACK="prod")
    assert done.returncode == 2
    assert "plan, up, smoke, drift or drill" in done.stdout


def test_a_script_takes_the_python_of_the_image_only_with_the_same_requirements(build):
    image = build.folder / "image"
    (image / "tools").mkdir(parents=True)
    shutil.copytree(build.checkout.folder / "tools" / "pulumi", image / "tools" / "pulumi")
    shutil.copy(build.checkout.folder / "requirements.txt", image)
    (image / ".venv" / "bin").mkdir(parents=True)
    (image / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (build.checkout.folder / "tools" / "setup.py").write_text('print("set-up runs")')

    def chosen():
        script = '. platform/pipelines/tasks/python.sh "$PWD/platform"; echo "$python"'
        env = {"PATH": os.environ["PATH"], "IMAGE": str(image)}
        done = run_in_terminal(["bash", "-euc", script], cwd=build.folder, env=env, seconds=60)
        return done.stdout.splitlines()

    assert chosen() == [str(image / ".venv" / "bin" / "python")]
    with (build.checkout.folder / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    assert chosen() == ["set-up runs", str(build.folder / "platform" / ".venv" / "bin" / "python")]
