"""Vault's configuration: a protected mount, and approles with overlapping rotation."""

import json
import re

import pytest
from pulumi import Output

from components.vault.approles import CONCOURSE_TOKEN_PERIOD, WRITER_TOKEN_TTL, VaultAppRoles
from components.vault.policy_documents import operator
from components.vault.settings import AppRoleSettings

ROLE = "vault:appRole/authBackendRole:AuthBackendRole"
SECRET_ID = "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId"


@pytest.fixture
def made(run):
    def make(kept=None, *, protected=True, **settings):
        def program():
            app_roles = VaultAppRoles("app-roles", AppRoleSettings(**settings), protected=protected)
            if kept is not None:
                app_roles.approle.apply(kept.append)
                Output.from_input(app_roles.approle.is_secret()).apply(kept.append)

        return run(program)

    return make


def test_the_mount_is_versioned_and_survives_a_destroy(made):
    mount = made().one("vault:index/mount:Mount")
    assert (mount.inputs["path"], mount.inputs["options"]) == ("secret", {"version": "2"})
    assert (mount.options["protect"], mount.options["retainOnDelete"]) == (True, True)


def test_concourses_login_and_token_have_no_use_limit(made):
    role = made().named(ROLE)["app-roles-concourse"].inputs
    assert role["bindSecretId"] is True
    assert role["tokenPeriod"] == CONCOURSE_TOKEN_PERIOD
    assert (role["secretIdNumUses"], role["tokenNumUses"]) == (0, 0)
    assert "tokenMaxTtl" not in role
    assert role["tokenPolicies"] == ["concourse"]


def test_concourses_policy_allows_reading_its_subtree_only(made):
    text = made().named("vault:index/policy:Policy")["app-roles-concourse"].inputs["policy"]
    assert text.count("path ") == 1
    assert 'path "secret/data/concourse/*"' in text
    assert 'capabilities = ["read"]' in text


def test_writers_have_half_an_hour_in_that_subtree_only(made):
    recorder = made()
    role = recorder.named(ROLE)["app-roles-writer"].inputs
    assert (role["tokenTtl"], role["tokenPolicies"]) == (WRITER_TOKEN_TTL, ["writer"])
    assert "tokenPeriod" not in role
    text = recorder.named("vault:index/policy:Policy")["app-roles-writer"].inputs["policy"]
    paths = [line for line in text.splitlines() if line.startswith("path ")]
    assert all(re.fullmatch(r'path "secret/(data|metadata|undelete)/concourse/\*" \{', p) for p in paths)


@pytest.mark.parametrize("who", ["concourse", "writer"])
def test_the_previous_secret_id_stays_until_it_is_removed(made, who):
    def ids(**settings):
        found = made(**settings).named(SECRET_ID)
        return {name: each.inputs for name, each in found.items() if who in name}

    first, both = ids(), ids(rotation="2026-12", previous="2026-11")
    last = ids(rotation="2026-12")
    assert list(first) == [f"app-roles-{who}-2026-11"]
    assert set(both) == {f"app-roles-{who}-2026-11", f"app-roles-{who}-2026-12"}
    assert first[f"app-roles-{who}-2026-11"] == both[f"app-roles-{who}-2026-11"]
    assert list(last) == [f"app-roles-{who}-2026-12"]


def test_concourse_gets_the_newest_secret_id(made):
    kept = []
    made(kept, rotation="2026-12", previous="2026-11")
    assert sorted(kept, key=str) == [
        True,
        "role_id:role-id-of-app-roles-concourse,secret_id:the-secret-id-of-app-roles-concourse-2026-12",
    ]


def test_the_operator_policy_covers_all_declared_resources(made):
    """A missing path would be a 403 in the middle of an update."""
    recorder = made()
    for role in recorder.named(ROLE).values():
        assert f'"auth/approle/role/{role.inputs["roleName"]}"' in operator()
        for name in set(role.inputs) - {"backend", "roleName"}:
            snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
            assert f'"{snake}" = ' in operator(), name
    for policy in recorder.named("vault:index/policy:Policy").values():
        path = f'path "sys/policies/acl/{policy.inputs["name"]}" {{'
        rule = operator().partition(path)[2].partition('path "')[0]
        assert f'"policy" = {json.dumps([policy.inputs["policy"]])}' in rule


def test_the_operator_may_write_each_policy_with_one_text_only():
    text = operator()
    for name in ("concourse", "writer"):
        assert text.count(f"sys/policies/acl/{name}") == 1
    assert text.count("sys/policies/") == 3
    assert "sys/policy/" not in text
    assert 'path "sys/policies/acl/pulumi" {\n  capabilities = ["read"]\n}' in text
    assert '"token_policies" = [["concourse"]]' in text
    assert '"token_policies" = [["writer"]]' in text
    assert "*" not in re.sub(r"secret/(data|metadata|undelete)/concourse/\*", "", text)


def test_web_nodes_have_the_approles_secret_id(run_stack):
    """Only in their Secret, whose checksum restarts them."""
    recorder = run_stack("prod")
    secret = str(recorder.named("kubernetes:core/v1:Secret")["concourse-web"].inputs)
    assert "secret_id:the-secret-id-of-app-roles-concourse-" in secret
    assert "the-secret-id" not in str(recorder.named("kubernetes:helm.sh/v3:Release")["concourse"].inputs)
