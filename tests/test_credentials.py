"""In Vault: a mount that nobody deletes by accident, and a login for Concourse, rotated with overlap."""

import pytest
from pulumi import Output

from components.credentials import PERIOD, Credentials, CredentialsSettings
from components.vault_policies import concourse, operator

SECRET_ID = "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId"


@pytest.fixture
def made(run):
    def make(kept=None, *, protected=True, **settings):
        def program():
            credentials = Credentials("credentials", CredentialsSettings(**settings), protected=protected)
            if kept is not None:
                credentials.approle.apply(kept.append)
                Output.from_input(credentials.approle.is_secret()).apply(kept.append)

        return run(program)

    return make


def test_secrets_are_kept_in_versions_and_outlive_the_program(made):
    mount = made().one("vault:index/mount:Mount")
    assert (mount.inputs["path"], mount.inputs["options"]) == ("secret", {"version": "2"})
    assert (mount.options["protect"], mount.options["retainOnDelete"]) == (True, True)


def test_concourse_logs_in_as_often_as_it_likes_and_its_token_has_no_end(made):
    role = made().one("vault:appRole/authBackendRole:AuthBackendRole").inputs
    assert role["bindSecretId"] is True
    assert role["tokenPeriod"] == PERIOD
    assert (role["secretIdNumUses"], role["tokenNumUses"]) == (0, 0)
    assert "tokenMaxTtl" not in role
    assert role["tokenPolicies"] == ["concourse"]


def test_its_policy_is_to_read_its_own_subtree_and_nothing_else(made):
    text = made().one("vault:index/policy:Policy").inputs["policy"]
    assert text.count("path ") == 1
    assert 'path "secret/data/concourse/*"' in text
    assert 'capabilities = ["read"]' in text


def test_a_rotation_keeps_the_old_secret_id_while_it_is_named(made):
    first = made().named(SECRET_ID)
    both = made(rotation="2026-12", previous="2026-11").named(SECRET_ID)
    last = made(rotation="2026-12").named(SECRET_ID)
    assert list(first) == ["credentials-concourse-2026-11"]
    assert set(both) == {"credentials-concourse-2026-11", "credentials-concourse-2026-12"}
    assert first["credentials-concourse-2026-11"].inputs == both["credentials-concourse-2026-11"].inputs
    assert list(last) == ["credentials-concourse-2026-12"]


def test_concourse_gets_the_newest_as_a_secret(made):
    kept = []
    made(kept, rotation="2026-12", previous="2026-11")
    assert sorted(kept, key=str) == [
        True,
        "role_id:role-id-of-credentials-concourse,secret_id:the-secret-id-of-credentials-concourse-2026-12",
    ]


def test_what_the_program_declares_is_what_the_operator_may_do(made):
    """One that is not named there is a 403 in the middle of an update."""
    recorder = made()
    role = recorder.one("vault:appRole/authBackendRole:AuthBackendRole").inputs
    for name in set(role) - {"backend", "roleName"}:
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        assert f'"{snake}" = ' in operator(), name
    assert concourse().splitlines()[0] in operator()


def test_the_operator_may_write_no_policy_but_one_text():
    text = operator()
    assert text.count("sys/policies/acl/concourse") == 1
    assert "sys/policy/" not in text
    assert 'path "sys/policies/acl/pulumi" {\n  capabilities = ["read"]\n}' in text
    assert '"token_policies" = [["concourse"]]' in text
    assert "*" not in text.replace("secret/data/concourse/*", "")


def test_web_nodes_log_in_by_it(run_stack):
    """And start anew with a new one: the checksum of their Secret is in their pods."""
    recorder = run_stack("prod")
    secret = str(recorder.named("kubernetes:core/v1:Secret")["concourse-web"].inputs)
    assert "secret_id:the-secret-id-of-credentials-concourse-" in secret
    assert "the-secret-id" not in str(recorder.named("kubernetes:helm.sh/v3:Release")["concourse"].inputs)
