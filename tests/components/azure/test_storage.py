"""Blob storage: access, retention and keys."""

import pytest
from pulumi import Output

from components.azure.resource_groups import AzureContext
from components.azure.settings import StorageSettings
from components.azure.storage import Storage
from tests.support.recorder import STORAGE_KEY, SUBSCRIPTION

TYPE = "azure-native:storage:"
SUBNET = f"{SUBSCRIPTION}/resourceGroups/compute/providers/n/virtualNetworks/n/subnets/nodes"


def made(run, keep=None, *, protected=True, **changes):
    context = AzureContext("stateful", "westeurope", {"environment": "test"}, protected)
    settings = StorageSettings.model_validate(changes)

    def program():
        storage = Storage("storage", settings, context=context, clients=[Output.from_input(SUBNET)])
        if keep:
            keep(storage)

    return run(program)


@pytest.fixture
def storage(run):
    return made(run)


@pytest.fixture
def accounts(storage):
    return storage.named(f"{TYPE}StorageAccount")


def test_the_backups_account_has_no_keys(accounts):
    assert accounts["backups"].inputs["allowSharedKeyAccess"] is False


def test_only_the_charts_account_has_keys(accounts):
    """ChartMuseum supports nothing else, and a key opens the whole account."""
    assert [n for n, a in accounts.items() if a.inputs["allowSharedKeyAccess"]] == ["charts"]


def test_blobs_need_a_login_and_tls(storage, accounts):
    for account in accounts.values():
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["enableHttpsTrafficOnly"] is True
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
    for container in storage.of_type(f"{TYPE}BlobContainer"):
        assert container.inputs["publicAccess"] == "None"


def test_only_the_nodes_reach_the_accounts(accounts):
    for account in accounts.values():
        rules = account.inputs["networkRuleSet"]
        assert rules["defaultAction"] == "Deny"
        [rule] = rules["virtualNetworkRules"]
        assert rule["virtualNetworkResourceId"] == SUBNET


def test_redundancy_follows_the_settings(run):
    accounts = made(run, charts="LRS", backups="GRS").named(f"{TYPE}StorageAccount")
    assert {n: a.inputs["sku"]["name"] for n, a in accounts.items()} == {
        "charts": "Standard_LRS",
        "backups": "Standard_GRS",
    }


def test_deleted_and_overwritten_blobs_can_be_restored(run):
    for properties in made(run, softDeleteDays=14).of_type(f"{TYPE}BlobServiceProperties"):
        assert properties.inputs["isVersioningEnabled"] is True
        for kind in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            assert properties.inputs[kind] == {"enabled": True, "days": 14}


def test_old_versions_and_backups_expire_but_charts_do_not(run):
    policies = made(run, softDeleteDays=14, backupDays=60).named(f"{TYPE}ManagementPolicy")
    actions = {
        name: policy.inputs["policy"]["rules"][0]["definition"]["actions"]
        for name, policy in policies.items()
    }
    assert actions["charts"] == {"version": {"delete": {"daysAfterCreationGreaterThan": 14}}}
    assert actions["backups"] == actions["charts"] | {
        "baseBlob": {"delete": {"daysAfterModificationGreaterThan": 60}}
    }


def test_a_container_is_created_after_versioning_is_enabled(storage):
    safe = storage.named(f"{TYPE}BlobServiceProperties")
    for name, container in storage.named(f"{TYPE}BlobContainer").items():
        assert safe[name].urn in container.options["dependencies"]


@pytest.mark.parametrize("protected", [True, False])
def test_accounts_and_containers_are_retained_in_a_protected_stack(run, protected):
    storage = made(run, protected=protected)
    for resource in (*storage.of_type(f"{TYPE}StorageAccount"), *storage.of_type(f"{TYPE}BlobContainer")):
        assert resource.options.get("protect", False) is protected
        assert resource.options.get("retainOnDelete", False) is protected


def test_account_names_are_generated(accounts):
    """Names are global. With a fixed name, a replacement would have to start with the deletion."""
    assert not any("accountName" in account.inputs for account in accounts.values())


def test_the_access_key_is_secret_and_for_the_charts_account(run):
    kept = {}

    def keep(storage):
        storage.charts_key.apply(lambda key: kept.update(key=key))
        Output.from_input(storage.charts_key.is_secret()).apply(lambda told: kept.update(secret=told))

    [call] = made(run, keep).calls
    assert kept == {"key": f"{STORAGE_KEY} charts", "secret": True}
    assert call.args == {"resourceGroupName": "stateful", "accountName": "charts"}, (
        "names from the ID are known in previews"
    )


def test_the_outputs_name_the_created_resources(run):
    kept = []

    def keep(storage):
        Output.all(
            storage.charts.account,
            storage.charts.container,
            storage.backups.account,
            storage.backups.scope,
        ).apply(kept.append)

    made(run, keep)
    [[charts, container, backups, backups_container]] = kept
    assert (charts, container, backups) == ("charts", "charts", "backups")
    assert backups_container.endswith("/storageAccounts/backups/blobServices/default/containers/backups")
