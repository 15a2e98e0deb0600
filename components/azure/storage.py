"""Blob storage for ChartMuseum's charts and for backups of data in the cluster."""

from collections.abc import Iterable, Sequence

import pulumi_azure_native as az
from pulumi import InvokeOptions, Output, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.blob_lifecycle import lifecycle_policy
from components.azure.resource_groups import AzureContext
from components.azure.settings import Redundancy, StorageSettings
from components.component import Component


class BlobContainer(Component):
    """A storage account with one container. Overwritten and deleted blobs can be restored."""

    purpose: str
    resource: "az.storage.StorageAccount"
    account: Output[str]
    """Name of the storage account."""
    container: Output[str]
    """Name of the container; known once it exists."""
    scope: Output[str]
    """ID of the container, as a scope for role assignments; known once it exists."""
    url: Output[str]
    """URL of the container; known once it exists."""

    def __init__(
        self,
        name: str,
        redundancy: Redundancy,
        *,
        context: AzureContext,
        retention_days: int,
        shared_key: bool = False,
        network_rules: "az.storage.NetworkRuleSetArgs | None" = None,
        previous: "BlobContainer | None" = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Old versions and deleted blobs can be restored for `retention_days`.

        Without `shared_key`, only Entra logins work. Without `network_rules`, logins from everywhere work.
        The account is created after the one of `previous`.
        """
        super().__init__(name, opts)
        self.purpose = name
        protected = ResourceOptions(
            parent=self, protect=context.protected, retain_on_delete=context.protected
        )
        account = az.storage.StorageAccount(
            name,
            **context.common,
            kind="StorageV2",
            sku=az.storage.SkuArgs(name=f"Standard_{redundancy}"),
            access_tier=az.storage.AccessTier.HOT,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            allow_shared_key_access=shared_key,
            default_to_o_auth_authentication=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            network_rule_set=network_rules,
            # Otherwise the network rules admit nobody.
            public_network_access="Enabled" if network_rules else None,
            opts=ResourceOptions.merge(
                protected, ResourceOptions(depends_on=[previous.resource] if previous else [])
            ),
        )
        self.resource = account
        self.account_id = ArmId(account.id)
        self.account = self.account_id.name
        retention = az.storage.DeleteRetentionPolicyArgs(enabled=True, days=retention_days)
        versioning = az.storage.BlobServiceProperties(
            name,
            blob_services_name="default",
            resource_group_name=context.group,
            account_name=self.account,
            is_versioning_enabled=True,
            delete_retention_policy=retention,
            container_delete_retention_policy=retention,
            opts=self.child,
        )
        self.scope = az.storage.BlobContainer(
            name,
            container_name=name,
            resource_group_name=context.group,
            account_name=self.account,
            public_access=az.storage.PublicAccess.NONE,
            # Nothing is written before it can be restored.
            opts=ResourceOptions.merge(protected, ResourceOptions(depends_on=[versioning])),
        ).id
        self.container = ArmId(self.scope).name
        self.url = Output.format("https://{0}.blob.core.windows.net/{1}", self.account, self.container)
        self.register_outputs({"account": self.account, "url": self.url})

    def access_key(self) -> Output[str]:
        """An access key of the account. The SDK does not mark it as secret."""
        keys = az.storage.list_storage_account_keys_output(
            resource_group_name=self.account_id.resource_group,
            account_name=self.account,
            opts=InvokeOptions(parent=self),  # also inherits the provider
        )
        secret: Output[str] = Output.secret(keys.apply(lambda found: found.keys[0].value))
        return secret


class Storage(Component):
    """Two storage accounts, because ChartMuseum supports only account keys, which open a whole account.

    Each exists only in a stack with the part that uses it.
    """

    charts: BlobContainer
    charts_key: Output[str]
    """Access key of the charts account (secret)."""
    backups: BlobContainer
    accounts: Sequence["az.storage.StorageAccount"]
    """In the order of their creation."""

    def __init__(
        self,
        name: str,
        settings: StorageSettings,
        *,
        context: AzureContext,
        clients: Iterable[Output[str]],
        charts: bool = True,
        backups: bool = True,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Access is limited to Azure's own services and to the subnets whose IDs are in `clients`."""
        super().__init__(name, opts)
        network_rules = az.storage.NetworkRuleSetArgs(
            default_action=az.storage.DefaultAction.DENY,
            bypass="AzureServices",
            virtual_network_rules=[
                az.storage.VirtualNetworkRuleArgs(virtual_network_resource_id=id_) for id_ in clients
            ],
        )

        made: list[BlobContainer] = []

        def blobs(
            purpose: str,
            redundancy: Redundancy,
            *,
            shared_key: bool,
            days: int | None = None,
        ) -> BlobContainer:
            container = BlobContainer(
                purpose,
                redundancy,
                context=context,
                retention_days=settings.soft_delete_days,
                shared_key=shared_key,
                network_rules=network_rules,
                # Azure adds one account at a time to a subnet (StorageAccountOperationInProgress).
                previous=made[-1] if made else None,
                opts=self.child,
            )
            made.append(container)
            lifecycle_policy(
                purpose,
                group=context.group,
                account=container.account,
                version_days=settings.soft_delete_days,
                blob_days=days,
                parent=container,
            )
            return container

        if charts:
            self.charts = blobs("charts", settings.charts, shared_key=True)
            self.charts_key = self.charts.access_key()
        if backups:
            self.backups = blobs("backups", settings.backups, shared_key=False, days=settings.backup_days)
        self.accounts = [each.resource for each in made]
        self.register_outputs({f"{each.purpose}Account": each.account for each in made})
