"""Consul: closed, known by certificates that renew themselves, with tokens of little right."""

import json

import pytest
from pulumi import Output

from components.kubernetes.charts import CHARTS
from components.kubernetes.context import CaTrust
from components.vault.consul import POLICIES, Consul
from components.vault.settings import ConsulSettings
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture
def made(run):
    def make(kept=None, **settings):
        def program():
            consul = Consul(
                "consul",
                ConsulSettings(**settings),
                chart=CHARTS["consul"],
                namespace=Output.from_input("consul"),
                trust=CaTrust(Output.from_input("platform-internal"), Output.from_input("the CA")),
                disks="retain",
                protected=True,
            )
            if kept is not None:
                Output.all(consul.url, consul.address).apply(kept.extend)

        return run(program)

    return make


def test_nothing_is_answered_without_a_token_and_tls(made):
    values = made().one(RELEASE).inputs["values"]
    assert values["global"]["acls"]["manageSystemACLs"] is True
    assert values["global"]["tls"]["httpsOnly"] is True
    assert values["global"]["gossipEncryption"]["secretName"] == "consul-gossip"


def test_the_release_that_holds_data_is_protected_and_its_disks_are_kept(made):
    release = made().one(RELEASE)
    assert release.options["protect"] is True
    assert release.inputs["values"]["server"]["storageClass"] == "retain"


def test_a_renewed_certificate_is_taken_up_without_a_hand(made):
    recorder = made()
    server = recorder.one(RELEASE).inputs["values"]["server"]
    assert json.loads(server["extraConfig"]) == {"auto_reload_config": True}
    certificate = recorder.one("kubernetes:cert-manager.io/v1:Certificate").inputs
    assert server["serverCert"]["secretName"] == certificate["spec"]["secretName"]
    assert "server.platform.consul" in certificate["spec"]["dnsNames"], "what servers ask of each other"


def test_it_is_not_held_at_the_charts_tenth_of_a_core(made):
    resources = made().one(RELEASE).inputs["values"]["server"]["resources"]
    assert resources["limits"]["cpu"] is None


def test_one_server_alone_has_no_budget_that_would_block_its_node(made):
    assert made(replicas=1).one(RELEASE).inputs["values"]["server"]["disruptionBudget"]["enabled"] is False


def test_vault_gets_no_token_that_may_do_everything(made):
    job = made().one("kubernetes:batch/v1:Job").inputs
    environment = {
        row["name"]: row["value"] for row in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert json.loads(environment["POLICIES"]) == POLICIES
    for name in ("vault", "vault-init", "metrics"):
        assert "acl" not in POLICIES[name], name
        assert "operator" not in POLICIES[name], name
    assert "vault-init/" not in POLICIES["vault"], (
        "a Vault that was broken into cannot forge the Job's record"
    )


def test_every_token_has_its_policy_and_is_a_secret(made):
    recorder = made()
    secret = recorder.named("kubernetes:core/v1:Secret")["consul-tokens"].inputs["stringData"]
    names = set(secret) if SECRET not in secret else set(secret["value"])
    assert names == {"bootstrap", *POLICIES}


def test_its_address_is_handed_on(made):
    kept = []
    made(kept)
    assert kept == ["https://consul-server.consul.svc:8501", "consul-server.consul.svc:8501"]
