"""Blob storage: who gets in, what survives, and what stays secret."""

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


def test_the_backups_have_no_key_that_could_be_lost(accounts):
    assert accounts["backups"].inputs["allowSharedKeyAccess"] is False


def test_only_chartmuseum_has_an_account_with_a_key(accounts):
    """Its backend takes nothing else, and a key opens the whole account."""
    assert [n for n, a in accounts.items() if a.inputs["allowSharedKeyAccess"]] == ["charts"]


def test_nobody_reads_a_blob_without_logging_in_or_without_tls(storage, accounts):
    for account in accounts.values():
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["enableHttpsTrafficOnly"] is True
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
    for container in storage.of_type(f"{TYPE}BlobContainer"):
        assert container.inputs["publicAccess"] == "None"


def test_the_nodes_get_in_and_the_internet_does_not(accounts):
    for account in accounts.values():
        rules = account.inputs["networkRuleSet"]
        assert rules["defaultAction"] == "Deny"
        [rule] = rules["virtualNetworkRules"]
        assert rule["virtualNetworkResourceId"] == SUBNET


def test_copies_are_where_the_stack_says(run):
    accounts = made(run, charts="LRS", backups="GRS").named(f"{TYPE}StorageAccount")
    assert {n: a.inputs["sku"]["name"] for n, a in accounts.items()} == {
        "charts": "Standard_LRS",
        "backups": "Standard_GRS",
    }


def test_what_was_deleted_or_overwritten_can_be_had_back(run):
    for properties in made(run, softDeleteDays=14).of_type(f"{TYPE}BlobServiceProperties"):
        assert properties.inputs["isVersioningEnabled"] is True
        for kind in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            assert properties.inputs[kind] == {"enabled": True, "days": 14}


def test_old_versions_go_and_so_do_old_backups_but_no_charts(run):
    policies = made(run, softDeleteDays=14, backupDays=60).named(f"{TYPE}ManagementPolicy")
    actions = {
        name: policy.inputs["policy"]["rules"][0]["definition"]["actions"]
        for name, policy in policies.items()
    }
    assert actions["charts"] == {"version": {"delete": {"daysAfterCreationGreaterThan": 14}}}
    assert actions["backups"] == actions["charts"] | {
        "baseBlob": {"delete": {"daysAfterModificationGreaterThan": 60}}
    }


def test_a_container_is_made_when_nothing_in_it_can_be_lost_any_more(storage):
    safe = storage.named(f"{TYPE}BlobServiceProperties")
    for name, container in storage.named(f"{TYPE}BlobContainer").items():
        assert safe[name].urn in container.options["dependencies"]


@pytest.mark.parametrize("protected", [True, False])
def test_accounts_and_containers_outlive_the_program_where_the_stack_says_so(run, protected):
    storage = made(run, protected=protected)
    for resource in (*storage.of_type(f"{TYPE}StorageAccount"), *storage.of_type(f"{TYPE}BlobContainer")):
        assert resource.options.get("protect", False) is protected
        assert resource.options.get("retainOnDelete", False) is protected


def test_accounts_are_named_by_the_engine(accounts):
    """Names are global, and a given one would make a replacement start with the deletion."""
    assert not any("accountName" in account.inputs for account in accounts.values())


def test_the_key_is_secret_and_of_the_charts_account_alone(run):
    kept = {}

    def keep(storage):
        storage.charts_key.apply(lambda key: kept.update(key=key))
        Output.from_input(storage.charts_key.is_secret()).apply(lambda told: kept.update(secret=told))

    [call] = made(run, keep).calls
    assert kept == {"key": f"{STORAGE_KEY} charts", "secret": True}
    assert call.args == {"resourceGroupName": "stateful", "accountName": "charts"}, "by names previews know"


def test_outputs_name_what_there_is(run):
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
