"""Azure's Key Vault, with the key that Vault is sealed by."""

from collections.abc import Iterable
from typing import NamedTuple

import pulumi_azure_native as az
from pulumi import Input, Output, Resource, ResourceOptions

from components.azure.catalog import arm_segment
from components.azure.resource_groups import AzureContext
from components.azure.settings import KeyVaultSettings
from components.component import Component

IMMUTABLE = ["properties.kty", "properties.keySize", "properties.keyOps"]
"""What Azure makes a key with once, and afterwards takes another value of and ignores."""


RECOVERY = "vault-recovery-keys"
"""The secret with Vault's recovery keys."""


def key_vault_secret(
    name: str,
    value: Output[str],
    *,
    context: AzureContext,
    vault: Input[str],
    what: str,
    parent: Resource,
) -> Output[str]:
    """Keep a secret in the key vault, for people; its id, known once it is there."""
    return az.keyvault.Secret(
        name,
        secret_name=name,
        resource_group_name=context.group,
        vault_name=vault,
        tags=context.tags,
        properties=az.keyvault.SecretPropertiesArgs(
            value=value, content_type=what, attributes=az.keyvault.SecretAttributesArgs(enabled=True)
        ),
        opts=ResourceOptions(
            parent=parent,
            protect=context.protected,
            # It goes with its vault. Alone only who may read its data could delete it.
            retain_on_delete=True,
        ),
    ).id


class Seal(NamedTuple):
    """By what Vault is sealed."""

    tenant: str
    vault: Output[str]
    """Name of the key vault; known once its key can be used."""
    key: Output[str]
    """Name of the key."""


class KeyVault(Component):
    """A key vault of the stack's own. Without its key Vault never opens again."""

    name: Output[str]
    """Known once its key can be used."""
    key: Output[str]
    """Id of the unseal key, for giving a role on it."""
    key_name: Output[str]
    seal: Seal
    recovery: Output[str]
    """Id of the secret that Vault's recovery keys go into, for giving a role on it."""

    def __init__(
        self,
        name: str,
        settings: KeyVaultSettings,
        *,
        context: AzureContext,
        tenant: str,
        clients: Iterable[Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """Only the subnets of the ids in `clients` and the operators' ranges get in."""
        super().__init__(name, opts)
        vault = az.keyvault.Vault(
            name,
            **context.common,
            properties=az.keyvault.VaultPropertiesArgs(
                sku=az.keyvault.SkuArgs(family="A", name=az.keyvault.SkuName(settings.sku)),
                tenant_id=tenant,
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=settings.soft_delete_days,
                # Nobody takes it back. Azure refuses False, even for a new vault.
                enable_purge_protection=True if context.protected else None,
                public_network_access="enabled",  # or else the rules let nobody in
                network_acls=az.keyvault.NetworkRuleSetArgs(
                    default_action="Deny",
                    bypass="AzureServices",  # the deployer makes the key by way of Azure Resource Manager
                    ip_rules=[
                        az.keyvault.IPRuleArgs(value=str(range_)) for range_ in settings.operator_ranges
                    ],
                    virtual_network_rules=[az.keyvault.VirtualNetworkRuleArgs(id=id_) for id_ in clients],
                ),
            ),
            opts=ResourceOptions(parent=self, protect=context.protected, retain_on_delete=context.protected),
        )
        key = az.keyvault.Key(
            f"{name}-unseal",
            resource_group_name=context.group,
            vault_name=vault.id.apply(lambda id_: arm_segment(id_, "vaults")),
            tags=context.tags,
            properties=az.keyvault.KeyPropertiesArgs(
                kty="RSA",
                key_size=settings.key_size,
                key_ops=["wrapKey", "unwrapKey"],
                attributes=az.keyvault.KeyAttributesArgs(
                    enabled=True
                ),  # without an end: an expired key opens nothing
            ),
            opts=ResourceOptions(
                parent=self,
                protect=context.protected,
                # It goes with its vault. Alone only who may read its data could delete it.
                retain_on_delete=True,
                replace_on_changes=IMMUTABLE,
                ignore_changes=["tags"],  # Azure changes nothing of a key that is there
            ),
        )
        self.key = key.id
        self.name = key.id.apply(lambda id_: arm_segment(id_, "vaults"))
        self.key_name = key.id.apply(lambda id_: id_.rpartition("/")[2])
        self.seal = Seal(tenant, self.name, self.key_name)
        # Made here, so that a role can be given on it alone. What is in it the init Job says.
        self.recovery = az.keyvault.Secret(
            f"{name}-recovery",
            resource_group_name=context.group,
            vault_name=vault.id.apply(lambda id_: arm_segment(id_, "vaults")),
            secret_name=RECOVERY,
            tags=context.tags,
            properties=az.keyvault.SecretPropertiesArgs(value="none yet"),
            opts=ResourceOptions(
                parent=self,
                protect=context.protected,
                retain_on_delete=True,  # as the key
                ignore_changes=["properties", "tags"],  # each version has its own
            ),
        ).id
        self.register_outputs({"name": self.name, "key": self.key_name})
