"""The init Job on a real Vault with auto-unseal: first run, second run, parallel runs, killed runs."""

import base64
import json
import re
import shlex
import subprocess

import pytest

from components.vault.policy_documents import GENERATE_ROOT, concourse, operator, writer
from tests.conformance.servers import tool
from tests.conformance.vault_gate import gate, may
from tests.conformance.vault_init_job import CLOSED, LATER, PASSWORD, Job, around
from tests.support.job_scripts import KILLED
from tests.support.recorder import ROOT

REFUSED = 42
REQUESTS = 15
"""The requests that change something, from the lock to its release."""
RUNBOOK = ROOT / "docs" / "runbooks" / "vault-operator-policy.md"


@pytest.fixture
def job(tmp_path, vault_server):
    folder = tmp_path / "job"
    folder.mkdir()
    with around(vault_server) as (servers, address):
        yield Job(folder, vault_server, servers, address)


def finished(job):
    """Initialised, its keys stored, the operator's login there, and nobody root."""
    assert job.vault.call("GET", "sys/init")["initialized"] is True
    assert len(job.stored["keys"]) == 5
    assert job.servers.kv["vault-init/record"]["phase"] == "done"
    assert job.servers.secrets[-1]["tags"]["generation"] == job.servers.kv["vault-init/record"]["generation"]
    token = job.operator()
    assert job.vault.call("GET", "auth/token/lookup-self", token=token)["data"]["policies"] == [
        "default",
        "pulumi",
    ]
    audit = (job.folder / "audit.log").read_text()
    assert '"policies":["root"]' in audit, "what root did is logged"
    root = [json.loads(line) for line in audit.splitlines() if '"policies":["root"]' in line]
    assert root[-1]["request"]["path"] == "auth/token/revoke-self", "and the last of it is its own end"


def test_the_job_initialises_vault_stores_its_keys_and_revokes_the_root_token(job):
    code, log = job.run()
    assert code == 0, log
    finished(job)


def test_a_second_run_changes_nothing(job):
    job.run()
    before = len(job.servers.secrets), dict(job.servers.kv)
    code, log = job.run()
    assert code == 0, log
    assert "nothing else to do" in log
    assert (len(job.servers.secrets), dict(job.servers.kv)) == before
    finished(job)


def test_the_second_of_two_parallel_jobs_waits_and_changes_nothing(job):
    both = [job.start(), job.start()]
    logs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], logs
    assert sorted("finished" in log for log in logs) == [False, True]
    assert sorted("nothing else to do" in log for log in logs) == [False, True]
    finished(job)


@pytest.mark.parametrize("requests_", range(1, REQUESTS + 1))
def test_a_run_completes_the_work_of_a_job_killed_after_any_request(job, requests_):
    code, log = job.killed_after(requests_)
    assert code == KILLED, f"there are fewer requests than REQUESTS: {log}"
    code, log = job.run()
    assert code == 0, log
    finished(job)


def test_the_kills_cover_every_request_of_the_job(job):
    code, log = job.killed_after(REQUESTS + 1)
    assert code == 0, f"there are more requests than REQUESTS: {log}"


def test_the_jobs_log_has_no_secret(job):
    _, log = job.run()
    for text in (PASSWORD, LATER, "a-token", "of-entra", *job.stored["keys"]):
        assert text not in log
    assert "hvs." not in log


def test_vault_is_not_initialised_if_its_recovery_keys_cannot_be_stored(job):
    job.servers.refused = {"/secrets/vault-recovery-keys"}
    code, log = job.run(PATIENCE_SECONDS="1")
    assert code not in (0, REFUSED), log
    assert job.vault.call("GET", "sys/init")["initialized"] is False


def test_missing_keys_of_a_vault_in_use_fail_with_the_runbook(job):
    job.run()
    job.servers.secrets.clear()
    code, log = job.run()
    assert code == REFUSED
    assert "recovery keys are not in Key Vault" in log
    assert "docs/runbooks/vault-init-refused.md" in log
    assert job.vault.call("GET", "sys/init")["initialized"] is True


def test_a_vault_initialised_by_another_program_is_refused(job):
    job.vault.call("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
    code, log = job.run()
    assert (code, "not by this Job" in log) == (REFUSED, True), log


def test_a_vault_that_lost_its_data_is_refused(job):
    job.run()
    job.vault.restart(empty=True)
    code, log = job.run()
    assert (code, "is empty now" in log) == (REFUSED, True), log


def test_an_operator_policy_that_differs_from_the_programs_is_reported(job):
    job.run()
    job.write("operator.hcl", 'path "other" { capabilities = ["read"] }')
    code, log = job.run()
    assert code == REFUSED
    assert "docs/runbooks/vault-operator-policy.md" in log


BOTH = {"USERS": "pulumi-12 pulumi"}
ONLY_LATER = {"USERS": "pulumi-12"}
ROTATION_REQUESTS = 16
"""Requests of a run that creates the later login."""


def works(job, user):
    password = (job.folder / user).read_text()
    return job.vault.status("POST", f"auth/userpass/login/{user}", {"password": password}) == 200


def test_pulumis_login_rotates_with_an_overlap_and_the_old_one_ends(job):
    assert job.run()[0] == 0
    code, log = job.run(**BOTH)
    assert code == 0, log
    assert works(job, "pulumi")
    later = job.vault.call("GET", "auth/token/lookup-self", token=job.operator("pulumi-12"))["data"]
    assert (later["policies"], later["creation_ttl"]) == (["default", "pulumi"], 7200)
    code, log = job.run(**ONLY_LATER)
    assert code == 0, log
    assert not works(job, "pulumi")
    assert works(job, "pulumi-12")
    assert PASSWORD not in log
    assert LATER not in log


@pytest.mark.parametrize("requests_", range(1, ROTATION_REQUESTS))
def test_a_rotation_of_the_login_continues_after_a_kill_at_any_request(job, requests_):
    assert job.run()[0] == 0
    code, log = job.killed_after(requests_, **BOTH)
    assert code in (KILLED, 0), log
    assert works(job, "pulumi"), "the state may still have the old one"
    code, log = job.run(**BOTH)
    assert code == 0, log
    assert works(job, "pulumi")
    assert works(job, "pulumi-12")


def test_a_rotation_without_the_login_that_works_is_refused_and_says_previous(job):
    assert job.run()[0] == 0
    code, log = job.run(**ONLY_LATER)
    assert (code, "set `previous`" in log) == (REFUSED, True), log
    assert works(job, "pulumi")


@pytest.fixture
def configured(job):
    """A Vault with what `credentials` declares, made with the operator's token; that token."""
    assert job.run()[0] == 0
    token = job.operator()

    def ask(method, path, body=None):
        return job.vault.call(method, path, body, token)

    ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    ask("POST", "sys/auth/approle", {"type": "approle"})
    for name, policy, token_is in (
        ("concourse", concourse(), {"token_period": 3600}),
        ("writer", writer(), {"token_ttl": 1800}),
    ):
        ask("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        role = {"bind_secret_id": True, "token_policies": [name]}
        ask("POST", f"auth/approle/role/{name}", role | token_is)
    return job, token


def secret_id(job, token, who="concourse"):
    made = job.vault.call("POST", f"auth/approle/role/{who}/secret-id", {}, token)["data"]
    return made["secret_id"], made["secret_id_accessor"]


def login(job, token, secret, who="concourse"):
    role = job.vault.call("GET", f"auth/approle/role/{who}/role-id", token=token)["data"]["role_id"]
    return job.vault.call("POST", "auth/approle/login", {"role_id": role, "secret_id": secret})["auth"]


def test_the_operator_rotates_concourses_secret_id_with_an_overlap(configured):
    job, token = configured
    old, accessor = secret_id(job, token)
    new, _ = secret_id(job, token)
    assert (
        login(job, token, old)["policies"] == login(job, token, new)["policies"] == ["concourse", "default"]
    )
    path = "auth/approle/role/concourse/secret-id-accessor/"
    assert job.vault.status("POST", f"{path}lookup", {"secret_id_accessor": accessor}, token) == 200
    assert job.vault.status("POST", f"{path}destroy", {"secret_id_accessor": accessor}, token) == 204
    with pytest.raises(AssertionError, match="invalid role or secret ID"):
        login(job, token, old)
    login(job, token, new)


def test_the_operator_cannot_get_root_permissions(configured):
    job, token = configured
    root = 'path "*" { capabilities = ["sudo", "read", "update", "create", "delete", "list"] }'
    encoded = base64.b64encode(root.encode()).decode()
    for method, path, body in (
        ("PUT", "sys/policies/acl/pulumi", {"policy": root}),
        ("PUT", "sys/policies/acl/concourse", {"policy": root}),
        ("PUT", "sys/policies/acl/concourse", {"policy": encoded}),
        ("PUT", "sys/policies/acl/other", {"policy": root}),
        ("PUT", "sys/policy/concourse", {"policy": root}),
        ("POST", "auth/approle/role/concourse", {"token_policies": ["pulumi"]}),
        ("POST", "auth/approle/role/concourse", {"token_policies": ["writer"]}),
        ("PUT", "sys/policies/acl/concourse", {"policy": writer()}),
        ("POST", "auth/approle/role/concourse", {"policies": ["root"]}),
        ("POST", "auth/approle/role/other", {"token_policies": ["concourse"]}),
        ("POST", "auth/token/create", {"policies": ["root"]}),
        ("POST", "auth/userpass/users/other", {"password": "x", "token_policies": ["root"]}),
        ("POST", "auth/userpass/users/pulumi/policies", {"token_policies": ["root"]}),
        ("POST", "auth/userpass/users/pulumi-12", {"password": "x", "token_policies": ["root"]}),
        ("POST", "auth/userpass/users/pulumi-12", {"password": "x", "token_policies": ["writer"]}),
        ("POST", "auth/userpass/users/pulumi-12", {"password": "x", "policies": ["root"]}),
        ("POST", "auth/userpass/users/pulumi-12", {"password": "x", "token_ttl": "9000h"}),
        ("POST", "auth/userpass/users/pulumi-12/policies", {"token_policies": ["root"]}),
        ("POST", "auth/userpass/users/pulumi", {"password": "x"}),
        ("DELETE", "sys/mounts/secret", None),
        ("GET", "secret/data/concourse/team/x", None),
    ):
        assert job.vault.status(method, path, body, token) in (400, 403), (method, path, body)


def test_concourse_reads_only_its_own_subtree(configured):
    job, token = configured
    made = job.root()
    job.vault.call("POST", "secret/data/concourse/team/x", {"data": {"value": "1"}}, made)
    job.vault.call("POST", "secret/data/other/x", {"data": {"value": "2"}}, made)
    job.vault.call("POST", "auth/token/revoke-self", {}, made)
    mine = login(job, token, secret_id(job, token)[0])
    me = mine["client_token"]
    assert job.vault.call("GET", "secret/data/concourse/team/x", token=me)["data"]["data"] == {"value": "1"}
    # By this it finds out that the mount is of version 2.
    assert job.vault.call("GET", "sys/internal/ui/mounts/secret/concourse", token=me)["data"]["options"] == {
        "version": "2"
    }
    for method, path, body in CLOSED:
        assert job.vault.status(method, path, body, me) == 403, (method, path)


def test_a_writer_can_only_write_secrets_of_concourses_subtree(configured):
    job, token = configured
    mine = login(job, token, secret_id(job, token, "writer")[0], "writer")
    assert (mine["policies"], mine["lease_duration"]) == (["default", "writer"], 1800)
    me, place = mine["client_token"], "secret/data/concourse/team/x"
    for value in ("1", "2"):
        job.vault.call("POST", place, {"data": {"value": value}}, me)
    job.vault.call("DELETE", place, token=me)
    job.vault.call("POST", "secret/undelete/concourse/team/x", {"versions": [2]}, me)
    reader = login(job, token, secret_id(job, token)[0])["client_token"]
    assert job.vault.call("GET", place, token=reader)["data"]["data"] == {"value": "2"}
    assert job.vault.call("LIST", "secret/metadata/concourse", token=me)["data"]["keys"] == ["team/"]
    for method, path, body in (
        ("GET", "secret/data/other/x", None),
        ("POST", "secret/data/other/x", {"data": {"value": "3"}}),
        ("LIST", "secret/metadata", None),
        ("POST", "secret/config", {"max_versions": 1}),
        ("PUT", "secret/destroy/concourse/team/x", {"versions": [1]}),
        ("GET", "sys/policies/acl/writer", None),
        ("POST", "auth/approle/role/writer/secret-id", {}),
        ("POST", "auth/token/create", {}),
    ):
        assert job.vault.status(method, path, body, me) == 403, (method, path)


def test_concourses_token_can_be_renewed_without_limit(configured):
    job, token = configured
    me = login(job, token, secret_id(job, token)[0])
    assert (me["renewable"], me["lease_duration"]) == (True, 3600)
    renewed = job.vault.call("POST", "auth/token/renew-self", {}, me["client_token"])["auth"]
    assert renewed["lease_duration"] == 3600
    looked = job.vault.call("GET", "auth/token/lookup-self", token=me["client_token"])["data"]
    assert (looked["explicit_max_ttl"], looked["period"], looked["num_uses"]) == (0, 3600, 0)


def test_the_recovery_keys_in_key_vault_generate_a_root_token(configured):
    job, _ = configured
    assert job.root().startswith("hvs.")


def vault_commands():
    """Vault's commands in the code blocks of the runbook's first way, in order."""
    steps = RUNBOOK.read_text().partition("## Do")[2].partition("\n## ")[0]
    blocks = re.findall(r"```\n(.*?)```", steps, re.DOTALL)
    return [
        line.strip() for block in blocks for line in block.splitlines() if line.strip().startswith("vault ")
    ]


def test_the_runbooks_own_commands_widen_the_operators_policy_at_vault_2(job, tmp_path):
    """With the real command, in a folder with the files that the runbook makes."""
    assert job.run()[0] == 0
    wider = operator() + 'path "sys/health" { capabilities = ["read"] }\n'
    (tmp_path / "operator.hcl").write_text(wider)
    (tmp_path / "password").write_text(PASSWORD)
    known = {"user": "pulumi"}

    def run(command, typed=""):
        for name, value in known.items():
            command = command.replace(f"<{name}>", value)
        assert "<" not in command, command
        argv = [tool("vault"), *shlex.split(command)[1:], *(["-"] if typed else [])]
        return subprocess.run(
            argv, input=typed, cwd=tmp_path, env=here, text=True, capture_output=True, check=True, timeout=60
        ).stdout

    with gate(job.vault) as address:
        here = {"VAULT_ADDR": address, "HOME": str(tmp_path)}
        for command in vault_commands():
            if "-nonce=" in command:
                for key in job.stored["keys"][: job.stored["threshold"]]:
                    printed = run(command, key)
                known["encoded token"] = re.search(r"Encoded Token\s+(\S+)", printed)[1]
            elif "-init" in command:
                printed = run(command)
                known["nonce"] = re.search(r"Nonce\s+(\S+)", printed)[1]
                known["OTP"] = re.search(r"OTP\s+(\S+)", printed)[1]
            elif "-decode=" in command:
                known["root token"] = run(command).strip()
            else:
                run(command)
    policy = job.vault.call("GET", "sys/policies/acl/pulumi", token=job.operator())["data"]["policy"]
    assert policy == wider
    assert job.vault.status("GET", "auth/token/lookup-self", token=known["root token"]) == 403
    job.write("operator.hcl", wider)
    assert job.run()[0] == 0, "the Job finds the policy that it has"


def test_at_vault_2_nobody_but_pulumi_may_ask_for_a_root_token(configured):
    job, token = configured
    others = [
        login(job, token, secret_id(job, token, who)[0], who)["client_token"]
        for who in ("concourse", "writer")
    ]
    for path in GENERATE_ROOT:
        assert may(job.vault, token, "PUT", path)
        assert not any(may(job.vault, other, "PUT", path) for other in ("", *others))
    with gate(job.vault) as address:
        behind = job.vault._replace(url=address)
        assert behind.status("PUT", "sys/generate-root/attempt", {}) == 403
        assert behind.status("PUT", "sys/generate-root/attempt", {}, token) == 200
        assert behind.status("DELETE", "sys/generate-root/attempt", None, token) == 204
