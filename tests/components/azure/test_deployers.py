"""Deployers: token subjects and role assignments."""

from pathlib import Path

import pytest
import yaml

from components.azure.deployers import Deployers, subjects
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role
from components.azure.settings import DeployersSettings
from deploy.stack_file import settings, stacks
from tests.support.recorder import ROOT
from tools.check_pipelines import mappings

PLACE = AzureContext("compute", "westeurope", {"environment": "test"}, protected=True)
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
OWN = "/subscriptions/11111111-1111-4111-8111-111111111111"
GROUP = f"{OWN}/resourceGroups/state/providers"
STATE = f"{GROUP}/Microsoft.Storage/storageAccounts/s/blobServices/default/containers/state"
KEY = f"{GROUP}/Microsoft.KeyVault/vaults/state/keys/state"
ZONE = f"{OWN}/resourceGroups/dns/providers/Microsoft.Network/dnsZones/example.org"
GIVEN = {
    "stateContainer": STATE,
    "stateKey": KEY,
    "stacks": [
        {"stack": "one", "subscriptionId": OWN.rpartition("/")[2], "jobs": ["try", "soak"]},
        {"stack": "two", "subscriptionId": "22222222-2222-4222-8222-222222222222", "parentZoneId": ZONE},
    ],
}


@pytest.fixture
def recorded(run):
    given = DeployersSettings.model_validate(GIVEN)
    return run(lambda: Deployers("deployers", given, context=PLACE, issuer="https://ci.example.org"))


def test_each_deployer_has_credentials_for_its_stacks_jobs_only(recorded):
    found = {name: each.inputs["subject"] for name, each in recorded.named(CREDENTIAL).items()}
    assert found == {
        "deployer-one-environment": "main/environment/stack:one",
        "deployer-one-drift": "main/drift/stack:one",
        "deployer-one-job-try": "main/platform//try",
        "deployer-one-job-soak": "main/platform//soak",
        "deployer-two-environment": "main/environment/stack:two",
        "deployer-two-drift": "main/drift/stack:two",
    }
    for each in recorded.of_type(CREDENTIAL):
        assert each.inputs["issuer"] == "https://ci.example.org"
        assert each.inputs["audiences"] == ["api://AzureADTokenExchange"]


def test_a_deployer_can_change_only_its_subscription_and_the_state(recorded):
    found = {
        (each.inputs["roleDefinitionId"].rpartition("/")[2], each.inputs["scope"])
        for name, each in recorded.named(ASSIGNMENT).items()
        if name.startswith("deployer-one")
    }
    assert found == {
        (Role.CONTRIBUTOR, OWN),
        (Role.ROLE_BASED_ACCESS_CONTROL_ADMINISTRATOR, OWN),
        (Role.STORAGE_BLOB_DATA_CONTRIBUTOR, STATE),
        (Role.KEY_VAULT_CRYPTO_USER, KEY),
    }


def test_a_deployer_may_delegate_its_zone_in_the_parent_zone(recorded):
    found = {
        name: each.inputs["scope"]
        for name, each in recorded.named(ASSIGNMENT).items()
        if each.inputs["roleDefinitionId"].endswith(Role.DNS_ZONE_CONTRIBUTOR)
    }
    assert found == {"deployer-two-dns-zone-contributor": ZONE}


def test_each_parent_zone_in_another_subscription_is_granted():
    """Without it, the first `up` of the stack ends with a 403 at its NS record."""
    (given,) = [settings(stack).deployers for stack in stacks() if settings(stack).deployers]
    granted = {each.stack: each.parent_zone_id for each in given.stacks}
    for stack in stacks():
        chosen = settings(stack)
        own = chosen.dns.parent_subscription == chosen.azure.subscription_id
        assert granted[stack] == (None if own else chosen.dns.parent_zone_id), stack


def test_each_job_with_a_token_belongs_to_a_deployer():
    """Its subject is the one that Concourse generates."""
    (given,) = [settings(stack).deployers for stack in stacks() if settings(stack).deployers]
    known = {job: each.stack for each in given.stacks for job in each.jobs}
    pipeline = yaml.safe_load((ROOT / "pipelines" / "platform.yml").read_text())
    roles = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())["delivery"]
    asked = {}
    for job in pipeline["jobs"]:
        for step in mappings(job):
            if "((identity:token))" in str(step.get("params", {}).get("TOKEN")):
                asked[job["name"]] = roles[step["params"]["STACK"].strip("()").removeprefix("delivery.")]
    assert known == asked
    # A deployer comes before its stack: its id has to be known (docs/runbooks/add-an-environment.md).
    assert {each.stack for each in given.stacks} >= set(stacks())


def test_each_deployed_stack_has_deployer_ranges():
    own = yaml.safe_load((ROOT / "pipelines" / "vars" / "platform.yml").read_text())["delivery"]["own"]
    ranges = {stack: settings(stack).cluster.deployer_ranges for stack in stacks() if stack != own}
    assert all(ranges.values()), ranges


def test_subject_scopes_in_pipelines_match_the_deployers_subjects():
    scopes = {
        file.stem: yaml.safe_load(file.read_text())["var_sources"][0]["config"]["subject_scope"]
        for file in Path(ROOT / "pipelines").glob("*.yml")
        if "var_sources" in file.read_text()
    }
    assert scopes == {"platform": "job", "environment": "instance", "drift": "instance"}
    one = DeployersSettings.model_validate(GIVEN).stacks[0]
    assert set(subjects("main", one)) == {"environment", "drift", "job-try", "job-soak"}
