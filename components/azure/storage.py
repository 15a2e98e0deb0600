"""Blob storage for ChartMuseum's charts and for backups of data in the cluster."""

from collections.abc import Iterable
from typing import Any

import pulumi_azure_native as az
from pulumi import InvokeOptions, Output, ResourceOptions

from components.azure.blob_lifecycle import lifecycle_policy
from components.azure.catalog import arm_segment
from components.azure.resource_groups import AzureContext
from components.azure.settings import Redundancy, StorageSettings
from components.component import Component


def blob_account(
    name: str,
    copies: Redundancy,
    *,
    context: AzureContext,
    shared_key: bool,
    days: int,
    opts: ResourceOptions,
    **more: Any,
) -> tuple[Output[str], az.storage.BlobServiceProperties]:
    """Create an account with blob versioning and soft delete, which lasts for `days`.

    Returns its name, and the resource that containers must depend on: no data is written before it can
    be restored.
    """
    made = az.storage.StorageAccount(
        name,
        **context.common,
        kind="StorageV2",
        sku=az.storage.SkuArgs(name=f"Standard_{copies}"),
        access_tier=az.storage.AccessTier.HOT,
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        allow_shared_key_access=shared_key,  # if false, only Entra logins work
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        opts=opts,
        **more,
    )
    # Derived from the ID, which is known in every preview, as for resource groups.
    called = made.id.apply(lambda id_: arm_segment(id_, "storageAccounts"))
    kept = az.storage.DeleteRetentionPolicyArgs(enabled=True, days=days)
    safe = az.storage.BlobServiceProperties(
        name,
        blob_services_name="default",
        resource_group_name=context.group,
        account_name=called,
        is_versioning_enabled=True,
        delete_retention_policy=kept,
        container_delete_retention_policy=kept,
        opts=ResourceOptions(parent=opts.parent),
    )
    return called, safe


class Storage(Component):
    """Two storage accounts, because ChartMuseum supports only account keys, which open a whole account."""

    charts_account: Output[str]
    charts_container: Output[str]
    """Name of the container; known once it exists."""
    charts_key: Output[str]
    """Access key of the charts account only (secret)."""
    backups_account: Output[str]
    backups_container: Output[str]
    """ID of the container, as a scope for role assignments; known once it exists."""
    backups_url: Output[str]
    """URL of the backups container."""

    def __init__(
        self,
        name: str,
        settings: StorageSettings,
        *,
        context: AzureContext,
        clients: Iterable[Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """Access is limited to Azure's own services and to the subnets whose IDs are in `clients`."""
        super().__init__(name, opts)
        rules = az.storage.NetworkRuleSetArgs(
            default_action=az.storage.DefaultAction.DENY,
            bypass="AzureServices",
            virtual_network_rules=[
                az.storage.VirtualNetworkRuleArgs(virtual_network_resource_id=id_) for id_ in clients
            ],
        )

        def account(
            purpose: str, copies: Redundancy, *, shared_key: bool, days: int | None = None
        ) -> Output[str]:
            """Create an account with one container; return the container's ID. Blobs expire after `days`."""
            called, safe = blob_account(
                purpose,
                copies,
                context=context,
                shared_key=shared_key,
                days=settings.soft_delete_days,
                opts=ResourceOptions(
                    parent=self, protect=context.protected, retain_on_delete=context.protected
                ),
                network_rule_set=rules,
                public_network_access="Enabled",  # otherwise the network rules admit nobody
            )
            lifecycle_policy(
                purpose,
                group=context.group,
                account=called,
                version_days=settings.soft_delete_days,
                blob_days=days,
                parent=self,
            )
            return az.storage.BlobContainer(
                purpose,
                container_name=purpose,
                resource_group_name=context.group,
                account_name=called,
                public_access=az.storage.PublicAccess.NONE,
                opts=ResourceOptions(
                    parent=self,
                    protect=context.protected,
                    retain_on_delete=context.protected,
                    depends_on=[safe],
                ),
            ).id

        charts = account("charts", settings.charts, shared_key=True)
        self.charts_account = charts.apply(lambda id_: arm_segment(id_, "storageAccounts"))
        self.charts_container = charts.apply(lambda id_: arm_segment(id_, "containers"))
        self.charts_key = self._key(charts)
        self.backups_container = account(
            "backups", settings.backups, shared_key=False, days=settings.backup_days
        )
        self.backups_account = self.backups_container.apply(lambda id_: arm_segment(id_, "storageAccounts"))
        self.backups_url = Output.format(
            "https://{0}.blob.core.windows.net/{1}",
            self.backups_account,
            self.backups_container.apply(lambda id_: arm_segment(id_, "containers")),
        )
        self.register_outputs({"chartsAccount": self.charts_account, "backupsAccount": self.backups_account})

    def _key(self, inside: Output[str]) -> Output[str]:
        """The key of a container's storage account. The SDK does not mark it as secret."""
        given = az.storage.list_storage_account_keys_output(
            resource_group_name=inside.apply(lambda id_: arm_segment(id_, "resourceGroups")),
            account_name=inside.apply(lambda id_: arm_segment(id_, "storageAccounts")),
            opts=InvokeOptions(parent=self),  # also inherits the provider
        )
        secret: Output[str] = Output.secret(given.apply(lambda answer: answer.keys[0].value))
        return secret
