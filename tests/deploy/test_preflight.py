"""Checks of preconditions, with answers of az in the documented shape (sources: tests/data/az.json)."""

import copy
import json

import pytest

from components.settings import validate
from deploy.preflight import preflight
from tests.support.brought import WORKSPACE
from tests.support.recorder import ROOT, stack_config

ANSWERS = json.loads((ROOT / "tests" / "data" / "az.json").read_text())
SOURCES = ANSWERS.pop("sources")
SETTINGS = validate(stack_config("prod"), "prod")
PARENT = validate(stack_config("staging"), "staging")
OWNER = "2c8f6b1e-9d47-4e53-a0b8-5f3d7c1e6a29"
SKUS, SIZES = "postgres flexible-server list-skus", "vm list-skus"


def findings(settings=SETTINGS, **changed):
    """The findings by precondition, with some answers of az changed."""
    answers = copy.deepcopy(ANSWERS) | changed

    def ask(*command):
        words = [word.rpartition("/")[2] if word.startswith("http") else word for word in command]
        given = " ".join(word for word in words if word != "az" and not word.startswith(("-", "/")))
        return answers[max((name for name in answers if given.startswith(name)), key=len)]

    return {found.what: found for found in preflight(settings, ask)}


def missing(**changed):
    return {what: found.missing for what, found in findings(**changed).items() if found.missing}


def test_a_prepared_subscription_lacks_nothing():
    assert missing() == {}
    assert len(findings()) > 25


@pytest.mark.parametrize(
    ("logging", "alerts", "needed"),
    [
        ({}, {"emails": ["a@example.org"]}, {"Insights", "OperationalInsights"}),
        ({}, {}, {"Insights", "OperationalInsights"}),
        ({"workspace": {"enabled": False}}, {}, set()),
        ({"workspace": {"enabled": False}}, {"webhook": True}, {"Insights"}),
        ({"workspaceId": WORKSPACE["logging.workspaceId"]}, {}, {"Insights"}),
    ],
)
def test_providers_of_azures_logs_and_alerts_are_needed_where_a_stack_has_these(logging, alerts, needed):
    config = stack_config("prod")
    config |= {"platform:logging": logging, "platform:monitoring": {"azureMonitor": alerts}}
    found = findings(validate(config, "prod"), **{"provider list": [], "monitor log-analytics": {}})
    asked = {what.rpartition(".")[2] for what in found if what.startswith("provider ")}
    assert {name for name in asked if name.endswith("Insights")} == needed


def test_each_answer_has_a_source():
    assert SOURCES.keys() == ANSWERS.keys()


def test_without_a_login_nothing_else_is_checked():
    found = findings(**{"account show": None})
    assert [one.remedy for one in found.values()] == [f"az login --tenant {SETTINGS.azure.tenant_id}"]


def test_a_login_in_another_tenant_is_reported():
    assert "in tenant other" in str(missing(**{"account show": {"tenantId": "other"}}))


def without(answer, **changed):
    """The first object of an answer, with other values."""
    return [copy.deepcopy(ANSWERS[answer][0]) | changed, *ANSWERS[answer][1:]]


def features(**status):
    return [{"name": name, "status": state} for name, state in status.items()]


def usage(current):
    return [row | {"currentValue": current} for row in ANSWERS["vm list-usage"]]


def restricted(kind, **info):
    where = {"locations": ["westeurope"]} | info
    one = {
        "type": kind,
        "values": ["westeurope"],
        "restrictionInfo": where,
        "reasonCode": "NotAvailableForSubscription",
    }
    return without(SIZES, restrictions=[one])


def policy(**rule):
    rule = {
        "state": "enabled",
        "maxLifetime": None,
        "restrictForAppsCreatedAfterDateTime": "2024-01-01T00:00:00Z",
    } | rule
    return {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": [rule]}}


CLOSED = without(
    SKUS,
    # github.com/hashicorp/terraform-provider-azurerm/issues/21306: no versions, no sizes
    reason="Subscriptions are restricted from provisioning in this region. Please choose a different region.",
    supportedFeatures=features(OfferRestricted="Enabled"),
    supportedServerVersions=[], supportedServerEditions=[],
)  # fmt: skip
NO_ZONES = without(
    SKUS,
    supportedFeatures=features(OfferRestricted="Disabled", ZoneRedundantHa="Disabled", GeoBackup="Enabled"),
)
NO_GEO = without(
    SKUS,
    supportedFeatures=features(OfferRestricted="Disabled", ZoneRedundantHa="Enabled", GeoBackup="Disabled"),
)
POLICY = "rest get defaultAppManagementPolicy"
MISSING = [
    # which answer · which value · what is missing · what is there · the remedy, with the setting
    ("provider list", [], "provider Microsoft.KeyVault", "unknown", "--namespace Microsoft.KeyVault"),
    ("aks get-versions", {"values": [{"version": "1.30"}]}, "Kubernetes 1.36", "1.30", "kubernetesVersion"),
    ("vm list-usage", [], "cores of standardDDSv5Family in westeurope", "of 0, 0 are in use", "Quotas"),
    ("vm list-usage", usage("980"), "cores of cores in westeurope", "of 1000, 980 are in use", "maxNodes"),
    (SIZES, [], "Standard_D4ds_v5 in westeurope for systemPool", "not offered", "systemPool vmSize"),
    (SIZES, restricted("Location"), "Standard_D4ds_v5 in westeurope for systemPool",
     "NotAvailableForSubscription", "platform:cluster systemPool vmSize"),
    (SIZES, restricted("Zone", zones=["1", "2"]), "zones 1, 2, 3 for systemPool", "in 3",
     "set platform:cluster systemPool zones to ['3']"),
    (SIZES, without(SIZES, capabilities=[{"name": "MemoryGB", "value": "3.5"}]),
     "memory of systemPool", "3.5 GB", "systemPool vmSize"),
    (SKUS, CLOSED, "PostgreSQL in westeurope", "restricted from provisioning", "platform:azure location"),
    (SKUS, None, "PostgreSQL in westeurope", "may not create servers", "platform:azure location"),
    (SKUS, without(SKUS, supportedServerVersions=[{"name": "18"}]), "PostgreSQL version 17", "offers 18",
     "platform:database version"),
    (SKUS, without(SKUS, supportedServerEditions=[]), f"PostgreSQL size {SETTINGS.database.sku}",
     "offers none", "platform:database sku"),
    (SKUS, NO_ZONES, "PostgreSQL standby ZoneRedundant", "does not give", "highAvailability to SameZone"),
    (SKUS, NO_GEO, "PostgreSQL geo-redundant backup", "does not give", "geoRedundantBackup to false"),
    ("network dns zone show", None, "DNS zone ci.example.org", "not readable", "create it"),
    ("nslookup", "** server can't find it", "delegation of ci.example.org", "none", "ns1-01.azure-dns.com"),
    ("ad group show", None, "Entra group 6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e", "not readable",
     "az ad group create"),
    ("role assignment list", [{"roleDefinitionName": "Contributor"}],
     "role Role Based Access Control Administrator", "has Contributor", "az role assignment create"),
    ("role assignment list", [], "role DNS Zone Contributor on ci.example.org", "no role",
     "--scope /subscriptions/"),
    ("rest get appRoleAssignments", {"value": []}, "Graph permission Group.ReadWrite.All", "does not have it",
     r'\"appRoleId\": \"62a82d76-'),
    ("ad sp show", {"id": "another"}, "9c2b1f64-7d3e-4a58-b0c1-6e5f4d3a2b10 owns the applications",
     "another is not in platform:entra owners", "add another there"),
    (POLICY, policy(restrictionType="passwordAddition"), "secrets of applications", "forbids",
     "appManagementPolicy"),
    (POLICY, policy(restrictionType="passwordLifetime", maxLifetime="P90D"), "secrets that last 180 days",
     "at most 90", "platform:entra secretDays to at most 90"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "value", "what", "seen", "remedy"), MISSING)
def test_a_missing_precondition_is_reported_with_its_remedy(answer, value, what, seen, remedy):
    found = findings(**{answer: value})[what]
    assert seen in found.missing
    assert remedy in found.remedy


def test_quota_includes_the_surge_nodes_of_all_pools():
    pools = [SETTINGS.cluster.system_pool, *SETTINGS.cluster.platform_pools, *SETTINGS.cluster.worker_pools]
    cores = {size["name"]: int(size["capabilities"][0]["value"]) for size in ANSWERS[SIZES]}
    need = sum(cores[pool.vm_size] * (pool.max_nodes + pool.surge) for pool in pools)
    assert need > sum(cores[pool.vm_size] * pool.max_nodes for pool in pools)
    exact = {"vm list-usage": usage(str(1000 - need))}
    assert missing(**exact) == {}
    assert len(missing(**{"vm list-usage": usage(str(1000 - need + 1))})) == 2


def test_a_new_zone_needs_a_role_on_its_parent():
    """Of another subscription: the deployer's entry in platform:deployers grants it."""
    found = findings(PARENT, **{"role assignment list": []})
    assert "parentZoneId" in found["role DNS Zone Contributor on delivery.example.org"].remedy
    assert "role Role Based Access Control Administrator on delivery.example.org" not in found


def test_a_person_needs_no_graph_permission():
    person = ANSWERS["account show"] | {"user": {"name": "ada@example.org", "type": "user"}}
    assert not [what for what in findings(**{"account show": person}) if "Graph" in what or "owns" in what]


def test_a_policy_that_is_unreadable_or_off_is_no_finding():
    assert (
        missing(**{POLICY: None})
        == missing(**{POLICY: policy(restrictionType="passwordAddition", state="disabled")})
        == {}
    )
