"""Azure Key Vault, with the unseal key for HashiCorp Vault."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pulumi_azure_native as az
from pulumi import Input, Output, Resource, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.resource_groups import AzureContext
from components.azure.settings import KeyVaultSettings
from components.component import Component

IMMUTABLE = ["properties.kty", "properties.keySize", "properties.keyOps"]
"""Key properties that Azure fixes at creation. It accepts later changes but ignores them."""
RECOVERY = "vault-recovery-keys"
"""Name of the secret with Vault's recovery keys."""


def key_vault_secret(
    name: str,
    value: Output[str],
    *,
    context: AzureContext,
    vault: Input[str],
    content_type: str,
    parent: Resource,
) -> Output[str]:
    """Store a secret in the key vault for operators. Returns its ID, known once the secret exists."""
    return az.keyvault.Secret(
        name,
        secret_name=name,
        resource_group_name=context.group,
        vault_name=vault,
        tags=context.tags,
        properties=az.keyvault.SecretPropertiesArgs(
            value=value, content_type=content_type, attributes=az.keyvault.SecretAttributesArgs(enabled=True)
        ),
        opts=ResourceOptions(
            parent=parent,
            protect=context.protected,
            # Deleted with its vault. Deleting it separately would require a role that can read its data.
            retain_on_delete=True,
        ),
    ).id


class Seal(NamedTuple):
    """Parameters of Vault's seal."""

    tenant: str
    vault: Output[str]
    """Name of the key vault; known once its key can be used."""
    key: Output[str]
    """Name of the key."""


class KeyVault(Component):
    """The stack's key vault. If its unseal key is lost, Vault can never be unsealed again.

    The unseal key and the secret for the recovery keys exist only in a stack with Vault.
    """

    resource: "az.keyvault.Vault"
    name: Output[str]
    """Name of the key vault; known once its unseal key can be used, if it has one."""
    key: Output[str]
    """ID of the unseal key, as a scope for role assignments."""
    key_name: Output[str]
    seal: Seal
    recovery: Output[str]
    """ID of the secret for Vault's recovery keys, as a scope for role assignments."""

    def __init__(
        self,
        name: str,
        settings: KeyVaultSettings,
        *,
        context: AzureContext,
        tenant: str,
        clients: Iterable[Output[str]],
        previous: Sequence[Resource] = (),
        unseals: bool = True,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Access is limited to the operator ranges and to the subnets whose IDs are in `clients`.

        The vault is created after `previous`, which change the same network.
        """
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
                # Irreversible. Azure rejects False, even for a new vault.
                enable_purge_protection=True if context.protected else None,
                public_network_access="enabled",  # otherwise the network rules admit nobody
                network_acls=az.keyvault.NetworkRuleSetArgs(
                    default_action="Deny",
                    bypass="AzureServices",  # the deployer creates the key through Azure Resource Manager
                    ip_rules=[
                        az.keyvault.IPRuleArgs(value=str(range_)) for range_ in settings.operator_ranges
                    ],
                    virtual_network_rules=[az.keyvault.VirtualNetworkRuleArgs(id=id_) for id_ in clients],
                ),
            ),
            opts=ResourceOptions(
                parent=self,
                depends_on=list(previous),
                protect=context.protected,
                retain_on_delete=context.protected,
            ),
        )
        self.resource = vault
        self.name = ArmId(vault.id).name
        if unseals:
            self._unseal_key(name, settings, context, tenant)
        self.register_outputs({"name": self.name} | ({"key": self.key_name} if unseals else {}))

    def _unseal_key(self, name: str, settings: KeyVaultSettings, context: AzureContext, tenant: str) -> None:
        """Create Vault's unseal key, and the secret for its recovery keys."""
        vault = ArmId(self.resource.id).name
        key = az.keyvault.Key(
            f"{name}-unseal",
            resource_group_name=context.group,
            vault_name=vault,
            tags=context.tags,
            properties=az.keyvault.KeyPropertiesArgs(
                kty="RSA",
                key_size=settings.key_size,
                key_ops=["wrapKey", "unwrapKey"],
                attributes=az.keyvault.KeyAttributesArgs(
                    enabled=True
                ),  # no expiry date: an expired key cannot unseal
            ),
            opts=ResourceOptions(
                parent=self,
                protect=context.protected,
                # Deleted with its vault. Deleting it separately would require a role that can read its data.
                retain_on_delete=True,
                replace_on_changes=IMMUTABLE,
                ignore_changes=["tags"],  # Azure does not update an existing key
            ),
        )
        self.key = key.id
        self.name = ArmId(key.id)["vaults"]
        self.key_name = ArmId(key.id).name
        self.seal = Seal(tenant, self.name, self.key_name)
        # Created here so that a role can be assigned on this secret alone. The init Job sets its value.
        self.recovery = az.keyvault.Secret(
            f"{name}-recovery",
            resource_group_name=context.group,
            vault_name=vault,
            secret_name=RECOVERY,
            tags=context.tags,
            properties=az.keyvault.SecretPropertiesArgs(value="none yet"),
            opts=ResourceOptions(
                parent=self,
                protect=context.protected,
                retain_on_delete=True,  # as for the key
                ignore_changes=["properties", "tags"],  # set with each new version
            ),
        ).id
