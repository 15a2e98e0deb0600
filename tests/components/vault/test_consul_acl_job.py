"""The script for Consul's policies and tokens, against a stub of Consul."""

import json
from functools import partial

import pytest

from tests.support.job_scripts import KILLED, Script, answer_by

EPOCH, OLD = "2026-12", "2026-11"
SECRETS = {name: f"0000-the-token-of-{name}" for name in ("bootstrap", f"vault-{EPOCH}", f"metrics-{EPOCH}")}
RULES = {
    "vault": 'key_prefix "vault/" { policy = "write" }',
    "metrics": 'agent_prefix "" { policy = "read" }',
}
CHANGES = 4
"""Number of changes by the first run: a policy and a token each."""

OF_OTHERS = {"AccessorID": "00000000-0000-0000-0000-000000000002", "Description": "vault-2026-01"}
"""A token that somebody made by hand."""


def consul(world, request):  # noqa: C901, PLR0911 (a case each)
    """The part of Consul's ACL API that the script uses. Other requests are refused."""
    policies, tokens, body = world["policies"], world["tokens"], request.get_json(silent=True)
    if world["starting"] or request.headers["X-Consul-Token"] != SECRETS["bootstrap"]:
        world["starting"] = max(world["starting"] - 1, 0)
        return 403, "ACL not found"
    if request.method != "GET":
        world["requests"].append((request.method, request.path))
    match request.method, request.path.removeprefix("/v1/acl/").split("/"):
        case "GET", ["token", "self"]:
            return 200, {"AccessorID": "of-bootstrap"}
        case "GET", ["policy", "name", name]:
            return (200, policies[name]) if name in policies else (404, "ACL not found")
        case "PUT", ["policy"]:
            assert body["Name"] not in policies, "a policy with that name exists"
            policies[body["Name"]] = body | {"ID": f"id-of-{body['Name']}"}
            return 200, policies[body["Name"]]
        case "PUT", ["policy", id_]:
            assert body["ID"] == id_ == policies[body["Name"]]["ID"]
            policies[body["Name"]] = body
            return 200, body
        case "GET", ["token", id_]:
            return (200, tokens[id_]) if id_ in tokens else (world["unknown"], "token not found")
        case "GET", ["tokens"]:
            return 200, [*tokens.values(), OF_OTHERS]
        case "PUT", ["token"]:
            assert body["AccessorID"] not in tokens
            assert body["SecretID"] not in {each["SecretID"] for each in tokens.values()}
            assert {each["Name"] for each in body["Policies"]} <= policies.keys()
            tokens[body["AccessorID"]] = body
            return 200, body
        case "PUT", ["token", id_]:
            assert body.get("SecretID", tokens[id_]["SecretID"]) == tokens[id_]["SecretID"], (
                "a token's secret cannot change"
            )
            tokens[id_] |= body
            return 200, tokens[id_]
        case "DELETE", ["token", id_]:
            del tokens[id_]
            return 200, True
    return 405, "method not allowed"


@pytest.fixture
def world():
    return {"policies": {}, "tokens": {}, "requests": [], "starting": 0, "unknown": 404}


@pytest.fixture
def run(world, tmp_path, httpserver):
    answer_by(httpserver, partial(consul, world))
    url = httpserver.url_for("")
    yield Script("consul_acl.py", tmp_path, SECRETS, CONSUL_URL=url, POLICIES=json.dumps(RULES), EPOCHS=EPOCH)
    httpserver.check()


def made(world):
    """The rules of each token, by its secret."""
    rules = {name: policy["Rules"] for name, policy in world["policies"].items()}
    return {
        token["SecretID"]: [rules[policy["Name"]] for policy in token["Policies"]]
        for token in world["tokens"].values()
    }


WANTED = {SECRETS[f"{name}-{EPOCH}"]: [rules] for name, rules in RULES.items()}


@pytest.mark.parametrize("unknown", [404, 403])
def test_each_token_gets_its_policy(run, world, unknown):
    """Some versions of Consul answer 403 for a missing token."""
    world["unknown"] = unknown
    assert run().returncode == 0
    assert made(world) == WANTED
    assert len(world["requests"]) == CHANGES


def test_a_second_run_changes_nothing(run, world):
    run()
    world["requests"].clear()
    done = run()
    assert done.returncode == 0
    assert (world["requests"], done.stdout) == ([], "done\n")


@pytest.mark.parametrize("changes", range(1, CHANGES + 1))
def test_a_run_after_a_kill_completes(run, world, changes):
    assert run(kill_after=changes).returncode == KILLED
    assert run().returncode == 0
    assert made(world) == WANTED
    assert len(world["requests"]) == CHANGES


def test_it_waits_until_consul_knows_the_bootstrap_token(run, world):
    world["starting"] = 3
    done = run()
    assert done.returncode == 0
    assert "waiting: http://" in done.stdout
    assert made(world) == WANTED


def test_changed_rules_change_the_policy_and_no_token(run, world):
    run()
    world["requests"].clear()
    other = RULES | {"vault": 'key_prefix "vault/" { policy = "read" }'}
    assert run(POLICIES=json.dumps(other)).returncode == 0
    assert world["requests"] == [("PUT", "/v1/acl/policy/id-of-vault")]
    assert made(world)[SECRETS[f"vault-{EPOCH}"]] == [other["vault"]]


@pytest.mark.parametrize("changes", [0, 1, 2])
def test_a_new_secret_replaces_the_old_even_after_a_kill(run, world, tmp_path, changes):
    run()
    accessors = set(world["tokens"])
    (tmp_path / f"vault-{EPOCH}").write_text("0001-new")
    if changes:
        assert run(kill_after=changes).returncode == KILLED
    assert run().returncode == 0
    assert made(world) == {"0001-new": [RULES["vault"]], SECRETS[f"metrics-{EPOCH}"]: [RULES["metrics"]]}
    assert set(world["tokens"]) == accessors


@pytest.mark.parametrize("changes", [0, 1, 2])
def test_the_tokens_of_the_epoch_before_work_until_it_is_no_longer_named(run, world, tmp_path, changes):
    """Vault's servers use theirs until they restart."""
    for name in RULES:
        (tmp_path / f"{name}-{OLD}").write_text(f"0000-the-old-token-of-{name}")
    old = {f"0000-the-old-token-of-{name}": [rules] for name, rules in RULES.items()}
    assert run(EPOCHS=OLD).returncode == 0
    assert made(world) == old
    assert run(EPOCHS=f"{EPOCH} {OLD}").returncode == 0
    assert made(world) == WANTED | old
    if changes:
        assert run(kill_after=changes).returncode == KILLED
    assert run().returncode == 0
    assert made(world) == WANTED


@pytest.mark.parametrize("policies", [[], [{"Name": "vault"}, {"Name": "metrics"}]])
def test_manual_changes_of_a_tokens_policies_are_reverted(run, world, policies):
    """Consul leaves a token without policies when its policy is deleted."""
    run()
    for token in world["tokens"].values():
        token["Policies"] = policies
    assert run().returncode == 0
    assert made(world) == WANTED


def test_an_unknown_bootstrap_token_fails_at_the_deadline(run, world, tmp_path):
    (tmp_path / "bootstrap").write_text("another")
    done = run(PATIENCE_SECONDS="10")
    assert done.returncode == 1
    assert "answers 403" in done.stdout
    assert world["requests"] == []


def test_a_bootstrap_token_without_rights_fails_at_once(run, world):
    world["unknown"] = 400
    done = run()
    assert done.returncode == 1
    assert "GET /v1/acl/token/" in done.stderr
    assert "waiting" not in done.stdout
    assert not world["tokens"]
