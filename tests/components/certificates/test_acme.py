"""cert-manager and the issuers of Let's Encrypt."""

import pytest
from pulumi import Output

from components.certificates.acme import SERVERS, AcmeIssuers
from components.certificates.settings import CertificatesSettings
from components.certificates.values import values

ZONE = "/subscriptions/sub/resourceGroups/dns/providers/Microsoft.Network/dnsZones/ci.example.org"
ISSUER = "kubernetes:cert-manager.io/v1:ClusterIssuer"


def made(run, keep=None, **changes):
    def program():
        issuers = AcmeIssuers(
            "issuers",
            CertificatesSettings.model_validate({"email": "delivery@example.org"} | changes),
            cert_manager=Output.from_input("cert-manager"),
            zone=Output.from_input(ZONE),
            client_id=Output.from_input("client"),
            ingress=Output.from_input("traefik"),
        )
        issuers.chosen.apply((keep if keep is not None else []).append)

    return run(program)


def acme(recorder):
    return {each.name: each.inputs["spec"]["acme"] for each in recorder.of_type(ISSUER)}


def test_production_and_staging_have_separate_accounts(run):
    found = acme(made(run))
    assert {each["server"] for each in found.values()} == set(SERVERS.values())
    assert len({each["privateKeySecretRef"]["name"] for each in found.values()}) == 2


@pytest.mark.parametrize("issuer", ["production", "staging"])
def test_hosts_use_the_issuer_of_the_settings(run, issuer):
    kept = []
    made(run, kept, issuer=issuer)
    assert kept == [f"letsencrypt-{issuer}"]


def test_dns01_uses_the_zone_and_the_workload_identity(run):
    for each in acme(made(run)).values():
        [proof] = each["solvers"]
        azure = proof["dns01"]["azureDNS"]
        assert (azure["subscriptionID"], azure["resourceGroupName"]) == ("sub", "dns")
        assert azure["hostedZoneName"] == "ci.example.org"
        assert azure["managedIdentity"] == {"clientID": "client"}
        assert not [key for key in azure if "secret" in key.lower()]


def test_http01_uses_the_ingress_class(run):
    for each in acme(made(run, solver="http01")).values():
        assert each["solvers"] == [{"http01": {"ingress": {"class": "traefik"}}}]


def test_issuers_have_to_become_ready(run):
    for each in made(run).of_type(ISSUER):
        assert each.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}


def told(**changes):
    settings = CertificatesSettings.model_validate({"email": "delivery@example.org"} | changes)
    return values(settings, service_monitors=True)


def test_the_chart_installs_the_crds():
    assert told()["crds"] == {"enabled": True}, "the chart keeps them unless it is told not to"


def test_its_pods_have_workload_identity():
    given = told()
    assert given["podLabels"] == given["serviceAccount"]["labels"] == {"azure.workload.identity/use": "true"}


@pytest.mark.parametrize(("replicas", "enabled"), [(1, False), (2, True)])
def test_its_disruption_budgets_allow_node_drains(replicas, enabled):
    given = told(replicas=replicas)
    for part in (given, given["webhook"], given["cainjector"]):
        assert part["podDisruptionBudget"] == {"enabled": enabled, "minAvailable": replicas - 1}
