"""Checks of preconditions, with recorded answers of az."""

import copy
import json

import pytest

from components.settings import validate
from deploy.preflight import family, preflight
from tests.support.recorder import ROOT, stack_config

ANSWERS = json.loads((ROOT / "tests" / "data" / "az.json").read_text())
SETTINGS = validate(stack_config("prod"), "prod")


def findings(**changed):
    """The findings by precondition, with some answers of az changed."""
    answers = copy.deepcopy(ANSWERS) | changed

    def ask(*command):
        words = [word for word in command if word != "az" and not word.startswith(("-", "/", "http"))]
        known = [name for name in answers if " ".join(words).startswith(name)]
        return answers[max(known, key=len)]

    return {found.what: found for found in preflight(SETTINGS, ask)}


def missing(**changed):
    return {what: found.missing for what, found in findings(**changed).items() if found.missing}


def test_a_prepared_subscription_lacks_nothing():
    assert missing() == {}
    assert len(findings()) > 15


def test_without_a_login_nothing_else_is_checked():
    found = findings(**{"account show": None})
    assert [one.remedy for one in found.values()] == [f"az login --tenant {SETTINGS.azure.tenant_id}"]


def test_a_login_in_another_tenant_is_reported():
    assert "in tenant other" in str(missing(**{"account show": {"tenantId": "other"}}))


@pytest.mark.parametrize(
    ("answer", "value", "what", "remedy"),
    [
        ("provider list", [], "provider Microsoft.KeyVault", "--namespace Microsoft.KeyVault"),
        ("aks get-versions", {"values": [{"version": "1.30"}]}, "Kubernetes 1.36", "kubernetesVersion"),
        ("vm list-usage", [], "cores of standardDDSv5Family in westeurope", "Quotas"),
        ("network dns zone show", None, "DNS zone ci.example.org", "create it"),
        ("nslookup", "** server can't find it", "delegation of ci.example.org", "ns1-01.azure-dns.com"),
        ("ad group show", None, "Entra group 6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e", "az ad group create"),
        ("role assignment list", [{"roleDefinitionName": "Contributor"}],
         "role Role Based Access Control Administrator", "az role assignment create"),
        ("rest", {"value": []}, "Graph permission Group.ReadWrite.All", r'\"appRoleId\": \"62a82d76-'),
    ],
)  # fmt: skip
def test_a_missing_precondition_is_reported_with_its_remedy(answer, value, what, remedy):
    found = findings(**{answer: value})[what]
    assert found.missing
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("size", "name", "cores"),
    [
        ("Standard_D16ds_v5", "standardDDSv5Family", 16),
        ("Standard_D4ads_v5", "standardDADSv5Family", 4),
        ("Standard_L8s_v3", "standardLSv3Family", 8),
    ],
)
def test_a_size_is_counted_under_its_family(size, name, cores):
    assert family(size) == (name, cores)
