"""The key vault: access, protection, and effects of changes."""

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


def test_access_is_by_roles(run):
    """The SDK's default is access policies."""
    assert vault(made(run)).inputs["properties"]["enableRbacAuthorization"] is True


def test_a_protected_stacks_vault_cannot_be_purged(run):
    assert vault(made(run)).inputs["properties"]["enablePurgeProtection"] is True


def test_purge_protection_is_never_false(run):
    """Azure rejects False, even for a new vault."""
    assert "enablePurgeProtection" not in vault(made(run, protected=False)).inputs["properties"]


def test_a_deleted_vault_can_be_restored(run):
    properties = vault(made(run, softDeleteDays=7)).inputs["properties"]
    assert properties["enableSoftDelete"] is True
    assert properties["softDeleteRetentionInDays"] == 7


def test_nodes_and_configured_operators_reach_the_vault(run):
    rules = vault(made(run)).inputs["properties"]["networkAcls"]
    assert rules["defaultAction"] == "Deny"
    assert rules["virtualNetworkRules"] == [{"id": SUBNET}]
    assert rules["ipRules"] == []
    opened = vault(made(run, operatorRanges=["203.0.113.0/28"])).inputs["properties"]["networkAcls"]
    assert opened["ipRules"] == [{"value": "203.0.113.0/28"}]


def test_the_unseal_key_only_wraps_and_unwraps(run):
    properties = key(made(run)).inputs["properties"]
    assert (properties["kty"], properties["keySize"]) == ("RSA", 3072)
    assert properties["keyOps"] == ["wrapKey", "unwrapKey"]


def test_the_unseal_key_never_expires(run):
    """With an expired key, Vault could not unseal."""
    attributes = key(made(run)).inputs["properties"]["attributes"]
    assert attributes["enabled"] is True
    assert "expires" not in attributes


def test_changed_key_properties_replace_the_key(run):
    options = key(made(run)).options
    assert set(options["replaceOnChanges"]) == {f"properties.{p}" for p in ("kty", "keySize", "keyOps")}
    assert options["ignoreChanges"] == ["tags"]


def test_vault_and_key_are_retained_in_a_protected_stack(run):
    recorder = made(run)
    for resource in (vault(recorder), key(recorder)):
        assert resource.options["protect"] is True
        assert resource.options["retainOnDelete"] is True


def test_the_key_is_deleted_only_with_its_vault(run):
    """Deleting it separately would require a role that can read its data."""
    recorder = made(run, protected=False)
    assert vault(recorder).options.get("retainOnDelete", False) is False
    assert key(recorder).options["retainOnDelete"] is True


def test_the_vaults_name_is_generated(run):
    """A deleted vault's name stays reserved, so a fixed name could not be used again."""
    assert "vaultName" not in vault(made(run)).inputs


def test_the_outputs_name_the_created_resources(run):
    kept = []
    made(run, kept.append)
    [[name, id_, key_name]] = kept
    assert (name, key_name) == ("keys", "keys-unseal")
    assert id_.endswith("/vaults/keys/keys/keys-unseal")
