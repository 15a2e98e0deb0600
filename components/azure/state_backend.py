"""Storage for the Pulumi state of all stacks, and the key that encrypts secrets in it."""

from dataclasses import replace

import pulumi_azure_native as az
from pulumi import Output, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.key_vault import IMMUTABLE
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.azure.settings import StateSettings
from components.azure.storage import BlobContainer
from components.component import Component

NAME = "state"


class StateBackend(Component):
    """A versioned blob container and an encryption key."""

    backend: Output[str]
    """Pulumi backend URL of the container."""
    container: Output[str]
    """ID of the container, as a scope for role assignments."""
    key: Output[str]
    """ID of the key, as a scope for role assignments."""
    secrets_provider: Output[str]
    """Pulumi secrets provider URL of the key."""

    def __init__(
        self,
        name: str,
        settings: StateSettings,
        *,
        context: AzureContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        protected = ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        blobs = BlobContainer(
            NAME,
            "GZRS",
            context=replace(context, protected=True),
            retention_days=settings.retention_days,
            opts=self.child,
        )
        vault = az.keyvault.Vault(
            NAME,
            **context.common,
            properties=az.keyvault.VaultPropertiesArgs(
                sku=az.keyvault.SkuArgs(family="A", name=az.keyvault.SkuName.STANDARD),
                tenant_id=settings.tenant_id,
                enable_rbac_authorization=True,
                enable_purge_protection=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=settings.retention_days,
            ),
            opts=protected,
        )
        key = az.keyvault.Key(
            NAME,
            resource_group_name=context.group,
            vault_name=ArmId(vault.id).name,
            key_name=NAME,
            properties=az.keyvault.KeyPropertiesArgs(
                kty="RSA",
                key_size=3072,
                key_ops=["encrypt", "decrypt"],
            ),
            tags=context.tags,
            opts=ResourceOptions.merge(protected, ResourceOptions(replace_on_changes=IMMUTABLE)),
        )
        for role, scope in (
            (Role.STORAGE_BLOB_DATA_CONTRIBUTOR, blobs.scope),
            (Role.KEY_VAULT_CRYPTO_USER, key.id),
        ):
            grant(
                f"operators-{role.name.lower().replace('_', '-')}",
                role,
                principal=settings.operators_group,
                principal_type="Group",
                scope=scope,
                parent=self,
            )
        self.container, self.key = blobs.scope, key.id
        self.backend = Output.format("azblob://{0}?storage_account={1}", blobs.container, blobs.account)
        self.secrets_provider = Output.format(
            "azurekeyvault://{0}.vault.azure.net/keys/{1}", ArmId(key.id)["vaults"], NAME
        )
        self.register_outputs({"backend": self.backend, "secretsProvider": self.secrets_provider})
