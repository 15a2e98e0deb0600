"""The key vault: who gets in, and that its key can neither be lost nor silently stay as it was."""

from pulumi import Output

from components.azure.key_vault import KeyVault
from components.azure.resource_groups import AzureContext
from components.azure.settings import KeyVaultSettings
from tests.support.recorder import SUBSCRIPTION

TYPE = "azure-native:keyvault:"
SUBNET = f"{SUBSCRIPTION}/resourceGroups/compute/providers/n/virtualNetworks/n/subnets/nodes"


def made(run, keep=None, *, protected=True, **changes):
    context = AzureContext("stateful", "westeurope", {"environment": "test"}, protected)
    settings = KeyVaultSettings.model_validate(changes)

    def program():
        clients = [Output.from_input(SUBNET)]
        keys = KeyVault("keys", settings, context=context, tenant="tenant", clients=clients)
        if keep:
            Output.all(keys.name, keys.key, keys.key_name).apply(keep)

    return run(program)


def vault(recorder):
    return recorder.one(f"{TYPE}Vault")


def key(recorder):
    return recorder.one(f"{TYPE}Key")


def test_roles_say_who_may_do_what(run):
    """The SDK's default is access policies."""
    assert vault(made(run)).inputs["properties"]["enableRbacAuthorization"] is True


def test_a_protected_stacks_vault_cannot_be_purged_by_anyone(run):
    assert vault(made(run)).inputs["properties"]["enablePurgeProtection"] is True


def test_purge_protection_is_never_refused(run):
    """Azure does not take False, even for a new vault."""
    assert "enablePurgeProtection" not in vault(made(run, protected=False)).inputs["properties"]


def test_a_deleted_vault_can_be_had_back(run):
    properties = vault(made(run, softDeleteDays=7)).inputs["properties"]
    assert properties["enableSoftDelete"] is True
    assert properties["softDeleteRetentionInDays"] == 7


def test_the_nodes_get_in_and_people_only_where_the_stack_says_so(run):
    rules = vault(made(run)).inputs["properties"]["networkAcls"]
    assert rules["defaultAction"] == "Deny"
    assert rules["virtualNetworkRules"] == [{"id": SUBNET}]
    assert rules["ipRules"] == []
    opened = vault(made(run, operatorRanges=["203.0.113.0/28"])).inputs["properties"]["networkAcls"]
    assert opened["ipRules"] == [{"value": "203.0.113.0/28"}]


def test_the_unseal_key_does_nothing_but_seal(run):
    properties = key(made(run)).inputs["properties"]
    assert (properties["kty"], properties["keySize"]) == ("RSA", 3072)
    assert properties["keyOps"] == ["wrapKey", "unwrapKey"]


def test_the_unseal_key_has_no_end(run):
    """On the day after it Vault would not open again."""
    attributes = key(made(run)).inputs["properties"]["attributes"]
    assert attributes["enabled"] is True
    assert "expires" not in attributes


def test_another_key_is_a_replacement_and_not_a_change_that_azure_ignores(run):
    options = key(made(run)).options
    assert set(options["replaceOnChanges"]) == {f"properties.{p}" for p in ("kty", "keySize", "keyOps")}
    assert options["ignoreChanges"] == ["tags"]


def test_vault_and_key_outlive_the_program_where_the_stack_says_so(run):
    recorder = made(run)
    for resource in (vault(recorder), key(recorder)):
        assert resource.options["protect"] is True
        assert resource.options["retainOnDelete"] is True


def test_a_key_is_never_deleted_alone(run):
    """That is not the resource manager's to do: a deployer would be refused."""
    recorder = made(run, protected=False)
    assert vault(recorder).options.get("retainOnDelete", False) is False
    assert key(recorder).options["retainOnDelete"] is True


def test_the_vault_is_named_by_the_engine(run):
    """A deleted vault keeps its name, so that a given one could not be used again."""
    assert "vaultName" not in vault(made(run)).inputs


def test_outputs_name_what_there_is(run):
    kept = []
    made(run, kept.append)
    [[name, id_, key_name]] = kept
    assert (name, key_name) == ("keys", "keys-unseal")
    assert id_.endswith("/vaults/keys/keys/keys-unseal")
