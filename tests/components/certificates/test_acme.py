"""Certificates: two issuers, names proven by their zone, and an issuer that works before anything asks it."""

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


def test_both_of_lets_encrypts_are_there_each_with_an_account_of_its_own(run):
    found = acme(made(run))
    assert {each["server"] for each in found.values()} == set(SERVERS.values())
    assert len({each["privateKeySecretRef"]["name"] for each in found.values()}) == 2


@pytest.mark.parametrize("issuer", ["production", "staging"])
def test_hosts_have_theirs_from_the_one_that_the_stack_chose(run, issuer):
    kept = []
    made(run, kept, issuer=issuer)
    assert kept == [f"letsencrypt-{issuer}"]


def test_a_name_is_proven_in_its_zone_by_the_pods_own_identity(run):
    for each in acme(made(run)).values():
        [proof] = each["solvers"]
        azure = proof["dns01"]["azureDNS"]
        assert (azure["subscriptionID"], azure["resourceGroupName"]) == ("sub", "dns")
        assert azure["hostedZoneName"] == "ci.example.org"
        assert azure["managedIdentity"] == {"clientID": "client"}
        assert not [key for key in azure if "secret" in key.lower()]


def test_http01_goes_through_the_ingress(run):
    for each in acme(made(run, solver="http01")).values():
        assert each["solvers"] == [{"http01": {"ingress": {"class": "traefik"}}}]


def test_an_issuer_is_waited_for(run):
    for each in made(run).of_type(ISSUER):
        assert each.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}


def told(**changes):
    settings = CertificatesSettings.model_validate({"email": "delivery@example.org"} | changes)
    return values(settings, service_monitors=True)


def test_the_kinds_stay_when_the_chart_goes():
    assert told()["crds"] == {"enabled": True}, "the chart keeps them unless it is told not to"


def test_its_pods_have_an_identity():
    given = told()
    assert given["podLabels"] == given["serviceAccount"]["labels"] == {"azure.workload.identity/use": "true"}


@pytest.mark.parametrize(("replicas", "enabled"), [(1, False), (2, True)])
def test_its_budgets_let_nodes_be_drained(replicas, enabled):
    given = told(replicas=replicas)
    for part in (given, given["webhook"], given["cainjector"]):
        assert part["podDisruptionBudget"] == {"enabled": enabled, "minAvailable": replicas - 1}
