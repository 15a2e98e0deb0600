"""Storage for the Pulumi state of all stacks, and the key that encrypts secrets in it."""

import pulumi_azure_native as az
from pulumi import Output, ResourceOptions

from components.azure.catalog import arm_segment
from components.azure.key_vault import IMMUTABLE
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.azure.settings import StateSettings
from components.azure.storage import blob_account
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
        kept = ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        called, safe = blob_account(
            NAME, "GZRS", context=context, shared_key=False, days=settings.kept_days, opts=kept
        )
        container = az.storage.BlobContainer(
            NAME,
            container_name=NAME,
            resource_group_name=context.group,
            account_name=called,
            public_access=az.storage.PublicAccess.NONE,
            opts=ResourceOptions.merge(kept, ResourceOptions(depends_on=[safe])),
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
                soft_delete_retention_in_days=settings.kept_days,
            ),
            opts=kept,
        )
        key = az.keyvault.Key(
            NAME,
            resource_group_name=context.group,
            vault_name=vault.id.apply(lambda id_: arm_segment(id_, "vaults")),
            key_name=NAME,
            properties=az.keyvault.KeyPropertiesArgs(
                kty="RSA",
                key_size=3072,
                key_ops=["encrypt", "decrypt"],
            ),
            tags=context.tags,
            opts=ResourceOptions.merge(kept, ResourceOptions(replace_on_changes=IMMUTABLE)),
        )
        for role, scope in (
            (Role.STORAGE_BLOB_DATA_CONTRIBUTOR, container.id),
            (Role.KEY_VAULT_CRYPTO_USER, key.id),
        ):
            grant(
                f"people-{role.name.lower().replace('_', '-')}",
                role,
                principal=settings.people,
                kind="Group",
                scope=scope,
                parent=self,
            )
        self.container, self.key = container.id, key.id
        self.backend = container.id.apply(
            lambda id_: f"azblob://{NAME}?storage_account={arm_segment(id_, 'storageAccounts')}"
        )
        self.secrets_provider = key.id.apply(
            lambda id_: f"azurekeyvault://{arm_segment(id_, 'vaults')}.vault.azure.net/keys/{NAME}"
        )
        self.register_outputs({"backend": self.backend, "secretsProvider": self.secrets_provider})
