"""Concourse's web nodes: their configuration, their Secret and their restarts."""

import json

import pulumi
import pytest

from components.azure.aks.pool_settings import WorkerPool
from components.azure.resource_groups import AzureContext
from components.concourse.database_role import DatabaseLogin
from components.concourse.keys import LENGTH, ConcourseKeys, KeyPair
from components.concourse.local_users import LocalUsers
from components.concourse.settings import ConcourseSettings, KeySettings
from components.concourse.web import by_team
from components.concourse.web_secret import VaultLogin, checksummed_secret, web_secret
from components.concourse.web_values import BLANK_PUBLISHED_KEYS, values
from components.entra.application import OidcClient
from tests.support.recorder import SECRET, revealed

RELEASE = "kubernetes:helm.sh/v3:Release"
DATABASE = DatabaseLogin(
    "db.example.org", "concourse-test", "concourse", "db-password", "verify-full", "roots"
)
LOGIN = OidcClient("https://issuer/v2.0", "client-id", "client-secret")
VAULT = VaultLogin(
    "https://vault-active.vault.svc:8200", "vault-active.vault.svc", "ca", "role_id:r,secret_id:s"
)


def chart_values(vault=None, claims="ApplicationGroup", team_keys=(), **settings):
    return values(
        ConcourseSettings(**settings), cluster="c", url="https://ci.example.org", database=DATABASE,
        login=LOGIN, claims=claims, main_team="{}", team_keys=team_keys, vault=vault, account="concourse-web",
        secret_checksum="abc", nodes={"pool": "platform"},
    )  # fmt: skip


class Keys:
    host, session = KeyPair("host-private", "host-public"), KeyPair("session-private", "session-public")
    pool_keys = {"workers1": ["ssh-rsa one\n"], "workers2": ["ssh-rsa two\n"]}  # noqa: RUF012
    encryption, previous = "new-key", "old-key"


def secret(**changes):
    how = {
        "keys": Keys, "rotating": False, "users": "admin:hash", "database": DATABASE, "login": LOGIN,
        "vault": None, "shared": ["workers1"], "teams": {},
    }  # fmt: skip
    return web_secret(**(how | changes))


def test_the_charts_published_keys_are_blanked():
    assert set(BLANK_PUBLISHED_KEYS.values()) == {""}
    assert chart_values()["secrets"].items() >= BLANK_PUBLISHED_KEYS.items()
    assert chart_values()["secrets"]["create"] is False
    assert chart_values()["concourse"]["web"]["auth"]["mainTeam"]["localUser"] == ""


def test_the_release_has_no_secret_values(run_stack):
    release = run_stack("prod").named(RELEASE)["concourse"]
    assert SECRET not in json.dumps(release.inputs["values"])


def test_the_old_key_is_present_only_during_a_key_rotation():
    """Concourse does not start if it is an empty string."""
    assert "old-encryption-key" not in secret()
    assert secret(rotating=True)["old-encryption-key"] == "old-key"
    rotating = {"encryption": {"epochs": ("2026-11", "2027-01"), "rotating": True}}
    assert "oldEncryptionKey" not in chart_values()["secrets"]
    assert chart_values(**rotating)["secrets"]["oldEncryptionKey"]
    assert chart_values(**rotating)["web"]["strategy"]["strategy"] == {"type": "Recreate"}


def test_without_vault_there_are_no_vault_settings():
    web = chart_values()["concourse"]["web"]
    assert "vault" not in web
    assert not [key for key in secret() if key.startswith("vault")]
    assert web["kubernetes"] == {"enabled": True, "namespacePrefix": "team-", "createTeamNamespaces": False}


def test_vault_is_the_only_credential_manager_and_is_verified():
    web = chart_values(vault=VAULT)["concourse"]["web"]
    assert web["vault"]["url"] == VAULT.url
    assert web["vault"]["useCaCert"] is True
    assert web["vault"]["authBackend"] == "approle"
    assert web["kubernetes"]["enabled"] is False
    assert "secretCacheEnabled" not in web  # it would share identity tokens between teams: docs/trust.md
    assert secret(vault=VAULT)["vault-client-auth-param"] == "role_id:r,secret_id:s"
    assert secret(vault=VAULT)["vault-ca-cert"] == "ca"


def test_the_groups_claim_follows_the_entra_setting():
    assert chart_values()["concourse"]["web"]["auth"]["oidc"]["groupsKey"] == "groups"
    assert chart_values(claims="AppRoles")["concourse"]["web"]["auth"]["oidc"]["groupsKey"] == "roles"


def test_a_limit_of_zero_is_not_set():
    assert "limitActiveTasks" not in chart_values()["concourse"]["web"]
    assert (
        "maxBuildLogsToRetain"
        not in chart_values(max_build_logs_to_retain=0, default_build_logs_to_retain=0)["concourse"]["web"]
    )


def test_a_teams_own_pools_are_separated_from_shared_pools():
    pools = [
        WorkerPool(name=name, team=team) for name, team in (("workers1", None), ("workers2", "payments"))
    ]
    shared, own = by_team(pools)
    assert (shared, own) == (["workers1"], {"payments": ["workers2"]})
    assert chart_values(team_keys=own)["secrets"]["teamAuthorizedKeys"][0]["team"] == "payments"


def test_each_teams_workers_register_with_their_own_key(run):
    def program():
        found = secret(teams={"payments": ["workers2"]})
        pulumi.Output.all(shared=found["worker-key-pub"], own=found["payments-team-authorized-key"]).apply(
            seen.update
        )

    seen = {}
    run(program)
    assert seen == {"shared": "ssh-rsa one\n", "own": "ssh-rsa two\n"}


def test_the_checksum_changes_with_the_content_only(run):
    def checksum(content):
        def program():
            made = checksummed_secret("s", {"a": content}, namespace="n", parent=None)
            made.apply(seen.append)

        seen = []
        run(program)
        return seen[0]

    assert checksum("one") == checksum("one") != checksum("two")


def test_the_web_release_has_the_secrets_checksum(run_stack):
    annotations = run_stack("prod").named(RELEASE)["concourse"].inputs["values"]["web"]["annotations"]
    assert len(annotations["checksum/secrets"]) == 64


def test_a_web_node_that_migrates_or_re_encrypts_is_not_killed_before_its_release_gives_up(run_stack):
    """It listens only after that. A killed migration is rolled back and starts again."""
    release = run_stack("prod").named(RELEASE)["concourse"].inputs
    assert release["values"]["web"]["livenessProbe"]["initialDelaySeconds"] >= release["timeout"]


def test_encryption_keys_have_32_characters_and_a_copy_in_key_vault(run):
    def program():
        context = AzureContext("group", "westeurope", {}, protected=True)
        ConcourseKeys(
            "concourse", pools=["workers1"], rotation=KeySettings(), epochs=["2026-11", "2027-01"],
            context=context, vault="kv",
        )  # fmt: skip

    recorder = run(program)
    made = recorder.named("random:index/randomPassword:RandomPassword")
    assert LENGTH == 32
    assert {key.inputs["length"] for key in made.values()} == {32}
    copies = recorder.named("azure-native:keyvault:Secret")
    assert sorted(made) == sorted(copies) == ["concourse-encryption-2026-11", "concourse-encryption-2027-01"]
    assert all(each.options["protect"] for each in (*made.values(), *copies.values()))


def test_local_users_are_listed_with_their_hashes(run):
    def program():
        LocalUsers("users", ["svc-b", "admin"], rotation="2026-11").listed.apply(seen.append)

    seen = []
    run(program)
    assert seen == ["admin:$2a$10$user-admin,svc-b:$2a$10$user-svc-b"]


def test_the_web_nodes_configure_the_main_team_at_startup(run_stack):
    auth = revealed(run_stack("prod").named(RELEASE)["concourse"].inputs["values"])["concourse"]["web"][
        "auth"
    ]
    [owner] = json.loads(auth["mainTeam"]["config"])["roles"]
    assert owner["name"] == "owner"
    assert owner["local"] == {"users": ["admin"]}


@pytest.mark.parametrize("stack", ["infra", "staging", "prod", "demo"])
def test_one_web_node_at_a_time_may_be_evicted(run_stack, stack):
    budget = (
        run_stack(stack).named("kubernetes:policy/v1:PodDisruptionBudget")["concourse-web"].inputs["spec"]
    )
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "concourse-web"}}}
