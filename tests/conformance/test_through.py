"""Rehearsals of the whole program with a real API server and a real Vault behind the simulated clouds."""

import json
import re

import pytest

from tests.conformance import cluster
from tests.conformance.behind import behind, differences
from tests.conformance.vault_init_job import CLOSED

TEAMS = "platform:teams"
OF_AKS = "/api/v1/namespaces/kube-system/configmaps/coredns-custom"
"""AKS makes it, empty, and keeps it; the program patches it."""
NAMESPACE = re.compile(r"/api/v1/namespaces/[a-z-]+(/serviceaccounts/default)?")
"""With the account that each namespace has."""


@pytest.fixture(scope="module", params=["demo", pytest.param("prod", marks=pytest.mark.slow)])
def ground(request, tmp_path_factory, transit, rendered):
    stack = request.param
    with behind(stack, tmp_path_factory.mktemp(stack), transit, rendered(stack).releases) as ground:
        yield ground


@pytest.fixture(scope="module")
def previewed(ground):
    """A preview on empty servers; what the API server held before it and after it."""
    before = ground.contents()
    return ground.deploy("preview"), before, ground.contents()


@pytest.fixture(scope="module")
def failed(ground, previewed):
    """The first try, on a day on which Key Vault takes no recovery keys."""
    servers, environment = ground.init.job.servers, ground.init.job.environment
    servers.refused, environment["PATIENCE_SECONDS"] = {"/secrets/vault-recovery-keys"}, "1"
    done = ground.deploy("up")
    servers.refused, environment["PATIENCE_SECONDS"] = set(), "60"
    return done


@pytest.fixture(scope="module")
def up(ground, failed):
    """The stack on the servers; what it took."""
    return ground.deploy("up")


def test_a_preview_on_empty_servers_changes_no_object(ground, previewed):
    done, before, after = previewed
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^preview \w+: \d+ create, 0 same in ", done.stdout, re.MULTILINE), done.stdout
    assert before
    assert after == before
    assert ground.checkout.objects(ground.stack) == {}
    assert ground.vault.call("GET", "sys/init")["initialized"] is False


def test_vaults_init_job_runs_and_a_failed_one_runs_again_in_the_next_update(ground, failed, up):
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert re.search(
        r"error: Job vault-init: .*\n.*\[BackoffLimitExceeded\] Job has failed", failed.stdout
    ), failed.stdout
    assert re.search(r"^  replace Job vault-init: the Job runs again$", up.stdout, re.MULTILINE), up.stdout
    assert up.returncode == 0, up.stdout + up.stderr + ground.init.log


def test_the_api_server_has_exactly_the_objects_that_the_engine_sent(ground, previewed, up):
    sent = ground.sent()
    assert len(sent) > 100
    wrong = {path: list(differences(mine, ground.get(path))) for path, mine in sent.items()}
    assert not {path: found for path, found in wrong.items() if found}
    assert ground.contents().keys() - previewed[1].keys() == sent.keys()
    cluster.say(ground.missing)


def test_a_second_update_writes_nothing_to_either_server(ground, up):
    before, asked = ground.contents(), ground.asked()
    again = ground.deploy("up")
    assert re.search(r"^up \w+: \d+ same in ", again.stdout, re.MULTILINE), again.stdout + again.stderr
    assert asked
    assert (ground.contents(), ground.asked()) == (before, asked)


@pytest.fixture(scope="module")
def stored(ground, up):
    """What people have put into Vault: a secret of team `main`, and one that is for no team."""
    root = ground.init.job.root()
    for path in ("concourse/main/x", "other/x"):
        ground.vault.call("POST", f"secret/data/{path}", {"data": {"value": path}}, root)
    ground.vault.call("POST", "auth/token/revoke-self", {}, root)


def test_concourse_logs_in_with_its_secret_and_reads_only_its_subtree(ground, stored):
    me = ground.vault.call("POST", "auth/approle/login", ground.concourse())["auth"]
    assert me["policies"] == ["concourse", "default"]
    token = me["client_token"]
    found = ground.vault.call("GET", "secret/data/concourse/main/x", token=token)["data"]
    assert found["data"] == {"value": "concourse/main/x"}
    for method, path, body in CLOSED:
        assert ground.vault.status(method, path, body, token) == 403, (method, path)


def test_what_somebody_changed_by_hand_is_drift_and_a_refresh_puts_it_back(ground, up):
    """What they have added is none. Without the provider's force it is a conflict that ends every command."""
    secured = {"pod-security.kubernetes.io/enforce": "privileged"}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "concourse", "labels": secured},
    }
    teams = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "teams", "namespace": "concourse"}}
    assert not ground.judge.apply(teams | {"data": {"added": "by hand"}})
    assert ground.deploy("drift").returncode == 0
    assert not ground.judge.apply(teams | {"data": {"added": "by hand", "teams.json": "mine"}})
    assert not ground.judge.apply(namespace)
    found = ground.deploy("drift")
    assert found.returncode == 4, found.stdout + found.stderr
    assert "2 update" in found.stdout, found.stdout
    assert re.search(r'changed ConfigMap teams\n +data\["teams.json"\]: ', found.stdout), found.stdout
    assert re.search(r"changed Namespace concourse\n +metadata.labels", found.stdout), found.stdout
    back = ground.deploy("up", "--refresh")
    assert back.returncode == 0, back.stdout + back.stderr
    again = ground.deploy("drift")
    assert again.returncode == 0, again.stdout
    labels = ground.get("/api/v1/namespaces/concourse")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] != "privileged"
    assert json.loads(ground.get(ground.judge.path(teams))["data"]["teams.json"])["set"]


@pytest.fixture(scope="module")
def changed(ground, up):
    """A stack file with another team and another rotation of Concourse's login."""
    teams = ground.settings()[TEAMS]
    ground.set("teams", [*teams, {"name": "added", "roles": teams[0]["roles"]}])
    ground.set("vault.appRoles", {"rotation": "2026-12", "previous": "2026-11"})


def test_a_refusal_of_the_api_server_fails_the_preview_and_changes_nothing(ground, changed):
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "teams", "namespace": "concourse"}}
    assert not ground.judge.apply(held | {"immutable": True})
    before = ground.contents()
    shown = ground.deploy("preview")
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert "field is immutable when `immutable` is set" in shown.stdout
    assert ground.contents() == before
    assert ground.judge.server.call("DELETE", ground.judge.path(held)).ok


def test_changed_settings_reach_the_servers_and_the_previous_login_still_works(ground, changed):
    old = ground.concourse()
    job = ground.get("/apis/batch/v1/namespaces/concourse/jobs/teams")["metadata"]["uid"]
    done = ground.deploy("up")
    assert done.returncode == 0, done.stdout + done.stderr
    teams = ground.get("/api/v1/namespaces/concourse/configmaps/teams")["data"]["teams.json"]
    assert json.loads(teams)["set"].keys() == {team["name"] for team in ground.settings()[TEAMS]}
    assert ground.get("/apis/batch/v1/namespaces/concourse/jobs/teams")["metadata"]["uid"] != job
    assert "svc-added:" in ground.secret("concourse", "concourse-web")["local-users"]
    new = ground.concourse()
    assert new["role_id"] == old["role_id"]
    assert new["secret_id"] != old["secret_id"]
    for login in (old, new):
        me = ground.vault.call("POST", "auth/approle/login", login)["auth"]
        assert me["policies"] == ["concourse", "default"]


def test_destroy_asks_vault_to_delete_nothing(ground, previewed, stored):
    """Last in this file: it takes the stack away. Without controllers a namespace never goes."""
    login = ground.concourse()
    if ground.settings()["platform:protected"]:
        ground.set("protected", value=False)
        assert ground.deploy("up").returncode == 0
    done = ground.deploy("destroy")
    assert done.returncode == 0, done.stdout + done.stderr
    left = ground.contents().keys() - previewed[1].keys() - {OF_AKS}
    assert not [path for path in left if not NAMESPACE.fullmatch(path)]
    # Nothing in Vault is deleted one by one: all of it goes with its disks, which this Vault keeps.
    assert ground.vault.call("POST", "auth/approle/login", login)["auth"]
    root = ground.init.job.root()
    assert ground.vault.call("GET", "secret/data/concourse/main/x", token=root)
