"""`up --plan` refuses if the commit, the stack file, the state or the operations have changed."""

import json
import subprocess

import pytest

from deploy.approval import SHOWN, Plan, commit, pools_with
from deploy.stack_file import RefusedError
from deploy.summary import Change, Summary
from tests.support.checkout import Checkout

SERVER = "urn:pulumi:prod::platform::platform:index:Database$azure-native:dbforpostgresql:Server::database"
STATE = {"urn": SERVER, "id": "/x", "modified": "2026-11-01T00:00:00Z", "protect": True}


def plan(changes=(), resources=(STATE,), **other):
    return Plan.of(Summary("prod", "preview", list(changes)), resources).model_copy(update=other)


def refusal(then, now):
    with pytest.raises(RefusedError) as refused:
        then.check(now)
    assert refused.value.code == 3
    return str(refused.value)


def test_a_plan_is_valid_while_nothing_changes():
    assert plan().check(plan()) is None
    assert plan().digest == plan().digest


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (plan(commit="0" * 12), f"commit: planned {plan().commit}, now 000000000000"),
        (plan(settings=plan().settings | {"platform:tags": "x"}), "stack file: platform:tags has changed"),
        (plan(resources=[STATE | {"modified": "later"}]), "state: Server database has changed"),
        (plan(resources=[STATE | {"id": "/y"}]), "state: Server database has changed"),
        (plan(resources=[STATE | {"protect": False}]), "state: Server database has changed"),
        (plan(resources=[]), "state: Server database is gone"),
        (plan([Change(SERVER, "update", ("tags",), protected=True)]), "operations: Server database is new"),
    ],
)
def test_a_difference_is_reported_and_refused(now, expected):
    assert expected in refusal(plan(), now)
    assert now.digest != plan().digest


def test_an_operation_for_another_reason_has_changed():
    then, now = (plan([Change(SERVER, "update", (key,), protected=True)]) for key in ("tags", "sku"))
    assert "operations: Server database has changed" in refusal(then, now)


def test_resources_with_one_name_are_distinguished_by_their_urns():
    other = SERVER.replace("Database$", "Elsewhere$")
    assert "Server database is gone, Server database is new" in refusal(
        plan(), plan(resources=[STATE | {"urn": other}])
    )


def test_a_change_of_the_workers_that_run_the_update_is_refused():
    pool = "urn:pulumi:infra::platform::x:Cluster$azure-native:containerservice:AgentPool::deployers1"
    planned = plan([Change(pool, "update", ("count",), protected=False)])
    with pytest.raises(RefusedError, match=r"AgentPool deployers1, .*infra-is-down") as refused:
        planned.leave(["deployers1"])
    assert refused.value.code == 3
    assert planned.leave(["workers1", "deployers10"]) is None


def test_the_pools_of_a_tag_are_those_of_the_stack_file():
    assert pools_with("deployers", "infra") == ["deployers1"]
    with pytest.raises(RefusedError, match="no worker pool of demo has the tag 'deployers'"):
        pools_with("deployers", "demo")


def test_many_differences_are_counted():
    many = [STATE | {"urn": f"{SERVER}{number}"} for number in range(SHOWN + 3)]
    assert "and 4 more" in refusal(plan(), plan(resources=many))


def test_a_plan_survives_writing_and_reading(tmp_path):
    plan().write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json", "prod") == plan()


def test_a_plan_of_another_stack_is_refused(tmp_path):
    plan().write(tmp_path / "plan.json")
    with pytest.raises(RefusedError, match=r"is a plan of prod, not of demo") as refused:
        Plan.read(tmp_path / "plan.json", "demo")
    assert refused.value.code == 3


@pytest.mark.parametrize("text", [None, "{", "[]", '{"plan": {"stack": "prod"}}'])
def test_a_file_that_is_no_plan_is_refused_with_the_command_for_one(tmp_path, text):
    if text is not None:
        (tmp_path / "plan.json").write_text(text)
    with pytest.raises(RefusedError, match="preview prod --plan"):
        Plan.read(tmp_path / "plan.json", "prod")


def test_the_commit_shows_uncommitted_changes_of_the_program(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert commit(tmp_path) == "without git"
    git("init")
    (tmp_path / "__main__.py").write_text("1")
    git("add", ".")
    git("commit", "-m", "one")
    head = commit(tmp_path)
    assert len(head) == 12
    (tmp_path / "notes.txt").write_text("no part of the program")
    assert commit(tmp_path) == head
    (tmp_path / "Pulumi.new.yaml").write_text("config: {}")
    untracked = commit(tmp_path)
    assert untracked.startswith(f"{head} with changes ")
    (tmp_path / "__main__.py").write_text("2")
    assert commit(tmp_path) not in (head, untracked)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo that is up, as a repository, and a plan of it that would change a tag."""
    checkout = Checkout(tmp_path_factory.mktemp("plan") / "project")
    for command in (["init"], ["add", "."], ["commit", "-m", "one"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *command], cwd=checkout.folder, check=True, capture_output=True)
    made = checkout.deploy("up", "demo", "--rehearse")
    assert made.returncode == 0, made.stdout + made.stderr
    checkout.set("demo", "tags.owner", "somebody")
    written = checkout.deploy("preview", "demo", "--rehearse", "--plan", "plan.json")
    assert written.returncode == 0, written.stdout + written.stderr
    return checkout


@pytest.mark.engine
def test_up_refuses_a_plan_after_a_change_of_the_stack_file_or_the_state(demo):
    """In this order: the last step uses the plan."""
    file = demo.folder / "Pulumi.demo.yaml"
    planned = file.read_text()

    demo.set("demo", "tags.owner", "somebody else")
    refused = demo.deploy("up", "demo", "--rehearse", "--plan", "plan.json")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "stack file: platform:tags has changed" in refused.stderr

    file.write_text(planned)
    done = demo.deploy("up", "demo", "--rehearse", "--plan", "plan.json")
    assert done.returncode == 0, done.stdout + done.stderr
    digest = json.loads((demo.folder / "plan.json").read_text())["digest"]
    history = (demo.home("demo") / "state").rglob("*.history.json")
    newest = json.loads(max(history, key=lambda file: file.name).read_text())
    assert newest["message"] == f"commit {commit(demo.folder)}, plan {digest}"

    again = demo.deploy("up", "demo", "--rehearse", "--plan", "plan.json")
    assert again.returncode == 3
    assert "state: " in again.stderr
    assert "operations: " in again.stderr
