"""Checks of a network and zones that a stack file brings, with answers of az in the documented shape."""

import copy
import json

import pytest

from components.settings import validate
from deploy.preflight import brought
from deploy.preflight.question import Question
from tests.support.brought import HUB, bringing
from tests.support.recorder import ROOT, stack_config

ANSWERS = json.loads((ROOT / "tests" / "data" / "az-network.json").read_text())
SOURCES = ANSWERS.pop("sources")
USER = {"name": "9c2b1f64-7d3e-4a58-b0c1-6e5f4d3a2b10", "type": "servicePrincipal"}
SETTINGS = validate(bringing(stack_config("staging"), "network", "private"), "staging")
CHECKS = (brought.network, brought.subnets, brought.zones)
ZONE = "spoke.private.postgres.database.azure.com"
VNET, SUBNET, ROUTES = "network vnet show", "network vnet subnet show", "network route-table show"


def missing(settings=SETTINGS, **changed):
    """What is missing, with some answers of az changed: what is there instead, and the remedy."""
    answers = copy.deepcopy(ANSWERS) | changed

    def ask(*command):
        words = " ".join(command[1:])
        answer = answers[max((name for name in answers if words.startswith(name)), key=len)]
        id_ = next((word for word in command if word.startswith("/")), "")
        return answer.get(id_.rpartition("/")[2], answer) if isinstance(answer, dict) else answer

    question = Question(settings, USER, ask)
    found = [answer for check in CHECKS for answer in check(question)]
    assert len({what for what, *_ in found}) == len(found)
    return {what: f"{seen}; {remedy}" for what, met, seen, remedy in found if not met}


def with_(answer, **changed):
    return copy.deepcopy(ANSWERS[answer]) | changed


def nodes(**changed):
    subnets = copy.deepcopy(ANSWERS[SUBNET])
    subnets["nodes"] |= changed
    return subnets


def peered(*ranges, key="remoteVirtualNetworkAddressSpace"):
    return with_(VNET, virtualNetworkPeerings=[{"name": "hub", key: {"addressPrefixes": list(ranges)}}])


def test_a_prepared_network_lacks_nothing():
    assert missing() == {}


def test_each_answer_has_a_source():
    assert SOURCES.keys() == ANSWERS.keys()


MISSING = [
    # which answer · which value · what is missing · what is said
    (VNET, None, "network spoke", "it does not exist or is not readable"),
    (VNET, with_(VNET, location="northeurope"), "network spoke", "it is in northeurope"),
    (VNET, peered("10.0.0.0/16"), "ranges of the peering hub", "10.0.0.0/16 overlaps 10.0.0.0/16"),
    (VNET, peered("10.9.0.0/16", "10.244.3.0/24", "fd00::/64"), "ranges of the peering hub",
     "10.244.3.0/24 overlaps 10.244.0.0/16"),
    (VNET, peered("10.80.0.0/24", key="remoteAddressSpace"), "ranges of the peering hub",
     "overlaps 10.80.0.0/16"),
    ("role assignment list", [{"roleDefinitionName": "Network Contributor"}],
     "role Role Based Access Control Administrator on network spoke", "has Network Contributor"),
    ("role assignment list", [{"roleDefinitionName": "Role Based Access Control Administrator"}],
     f"role Private DNS Zone Contributor on {ZONE}", "az role assignment create"),
    ("role assignment list", [], "role Network Contributor on network spoke", "no role"),
    (SUBNET, nodes(addressPrefix="10.20.0.0/21"), "range of subnet nodes for nodes", "it is 10.20.0.0/21"),
    (SUBNET, nodes(serviceEndpoints=[{"service": "Microsoft.Storage"}]),
     "endpoint Microsoft.KeyVault of subnet nodes for nodes", "it has Microsoft.Storage"),
    (SUBNET, nodes(routeTable=None), "route table of subnet nodes for nodes", "it has none"),
    (ROUTES, {"routes": []}, "route 0.0.0.0/0 of subnet nodes for nodes", "there is none"),
    (ROUTES, {"routes": [{"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}]},
     "route 0.0.0.0/0 of subnet nodes for nodes", "its next hop is Internet"),
    ("network private-dns link vnet list", [], f"link of {ZONE}", "is not linked"),
    ("provider show", {"registrationState": "NotRegistered"},
     f"provider Microsoft.DBforPostgreSQL of {ZONE}", "az provider register"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "value", "what", "said"), MISSING)
def test_what_a_network_lacks_is_reported(answer, value, what, said):
    assert said in missing(**{answer: value})[what]


def test_dns_servers_of_somebody_elses_do_not_resolve_a_zone_that_only_the_spoke_is_linked_to():
    config = bringing(stack_config("staging"), "network")
    del config["platform:network"]["existing"]["databaseZone"]
    own = validate(config, "staging")
    asks = with_(VNET, dhcpOptions={"dnsServers": ["10.9.0.4"]})
    assert missing(own) == missing(SETTINGS, **{VNET: asks}) == {}
    assert "asks 10.9.0.4" in missing(own, **{VNET: asks})["private zone with DNS servers of your own"]


def test_the_hub_is_in_another_subscription():
    """Else the provider of its zone is already among those of the stack's own."""
    assert SETTINGS.azure.subscription_id not in HUB
