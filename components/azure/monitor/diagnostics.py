"""Azure's own logs of resources, kept in a Log Analytics workspace."""

from collections.abc import Mapping, Sequence

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.azure.resource_groups import AzureContext
from components.azure.settings import WorkspaceSettings
from components.component import Component

CLUSTER = ("kube-audit-admin", "guard")
"""Changes through the API server and logins to it. Not `kube-audit`, which has every read as well: it is many
times as much, and the workspace is paid by the gigabyte
(learn.microsoft.com/azure/aks/monitor-aks-reference)."""
KEY_VAULT = ("AuditEvent",)
"""Every request (learn.microsoft.com/azure/key-vault/general/monitor-key-vault-reference)."""
DATABASE = ("PostgreSQLLogs",)
"""The server's own log: connections, errors, slow statements
(learn.microsoft.com/azure/azure-monitor/reference/supported-logs/microsoft-dbforpostgresql-flexibleservers-logs)."""


class Diagnostics(Component):
    """One diagnostic setting for each resource, and the workspace, unless one is given."""

    def __init__(
        self,
        name: str,
        settings: WorkspaceSettings,
        given: str | None,
        *,
        context: AzureContext,
        logs: Mapping[str, tuple[Input[str], Sequence[str]]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`logs` has the ID of a resource and its categories, by a name. `given` is the ID of a workspace."""
        super().__init__(name, opts)
        workspace = given or self._workspace(name, settings, context)
        for which, (resource, categories) in logs.items():
            az.monitor.DiagnosticSetting(
                f"{name}-{which}",
                name="platform",
                resource_uri=Output.from_input(resource).apply(lambda id_: id_.lstrip("/")),
                workspace_id=workspace,
                log_analytics_destination_type="Dedicated",  # a table for each category
                logs=[
                    az.monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True)
                    for category in categories
                ],
                opts=self.child,
            )
        self.register_outputs({})

    def _workspace(self, name: str, settings: WorkspaceSettings, context: AzureContext) -> Output[str]:
        return az.operationalinsights.Workspace(
            name,
            **context.common,
            sku=az.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),  # the others are for old customers
            retention_in_days=settings.retention_days,
            workspace_capping=az.operationalinsights.WorkspaceCappingArgs(
                daily_quota_gb=settings.daily_cap_gb
            ),
            # Only Entra logins read it. Diagnostic settings need no key of the workspace.
            features=az.operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            opts=ResourceOptions(parent=self, protect=context.protected),
        ).id
