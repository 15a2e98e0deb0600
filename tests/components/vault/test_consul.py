"""Consul: ACLs, TLS with certificates that renew themselves, and tokens with few rights."""

import json

import pytest
from pulumi import Output

from components.vault.consul import POLICIES, Consul
from components.vault.settings import ConsulSettings
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture
def made(run):
    def make(outputs=None, **settings):
        def program():
            consul = Consul(
                "consul",
                ConsulSettings(**settings),
                cluster_context(),
            )
            if outputs is not None:
                Output.all(consul.url, consul.address).apply(outputs.extend)

        return run(program)

    return make


def test_acls_tls_and_gossip_encryption_are_on(made):
    values = made().one(RELEASE).inputs["values"]
    assert values["global"]["acls"]["manageSystemACLs"] is True
    assert values["global"]["tls"]["httpsOnly"] is True
    assert values["global"]["gossipEncryption"]["secretName"] == "consul-gossip"


def test_the_release_is_protected_and_its_disks_are_retained(made):
    release = made().one(RELEASE)
    assert release.options["protect"] is True
    assert release.inputs["values"]["server"]["storageClass"] == "retain"


def test_a_renewed_certificate_is_loaded_without_a_restart(made):
    recorder = made()
    server = recorder.one(RELEASE).inputs["values"]["server"]
    assert json.loads(server["extraConfig"]) == {"auto_reload_config": True}
    certificate = recorder.one("kubernetes:cert-manager.io/v1:Certificate").inputs
    assert server["serverCert"]["secretName"] == certificate["spec"]["secretName"]
    assert "server.platform.consul" in certificate["spec"]["dnsNames"], (
        "servers verify each other by this name"
    )


def test_the_charts_cpu_limit_is_removed(made):
    resources = made().one(RELEASE).inputs["values"]["server"]["resources"]
    assert resources["limits"]["cpu"] is None


def test_a_single_server_has_no_disruption_budget(made):
    assert made(replicas=1).one(RELEASE).inputs["values"]["server"]["disruptionBudget"]["enabled"] is False


def test_no_token_but_that_of_backups_has_management_rights(made):
    job = made().one("kubernetes:batch/v1:Job").inputs
    environment = {
        row["name"]: row["value"] for row in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert json.loads(environment["POLICIES"]) == POLICIES
    for name in ("vault", "vault-init", "metrics"):
        assert "acl" not in POLICIES[name], name
        assert "operator" not in POLICIES[name], name
    assert "vault-init/" not in POLICIES["vault"], "a compromised Vault must not forge the Job's record"


def test_every_policy_has_a_token_in_the_jobs_secret(made):
    recorder = made()
    secret = recorder.named("kubernetes:core/v1:Secret")["consul-tokens"].inputs["stringData"]
    names = set(secret) if SECRET not in secret else set(secret["value"])
    assert names == {"bootstrap", *(f"{policy}-2026-11" for policy in POLICIES)}


def test_the_tokens_of_two_epochs_are_registered_and_the_later_ones_are_used(made):
    recorder = made(rotation="2026-12", previous="2026-11")
    secret = recorder.named("kubernetes:core/v1:Secret")["consul-tokens"].inputs["stringData"]
    epochs = ("2026-12", "2026-11")
    assert set(secret["value"]) == {
        "bootstrap",
        *(f"{name}-{epoch}" for name in POLICIES for epoch in epochs),
    }
    [container] = recorder.one("kubernetes:batch/v1:Job").inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "EPOCHS", "value": "2026-12 2026-11"} in container["env"]


def test_it_returns_url_and_address(made):
    outputs = []
    made(outputs)
    assert outputs == ["https://consul-server.consul.svc:8501", "consul-server.consul.svc:8501"]
