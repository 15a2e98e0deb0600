"""Alerts of Azure Monitor about what Prometheus does not see: the database server and the NAT gateway.

Azure has no metric for a node pool at its maximum, nor for the replication to a standby: its metrics of
replication are those of asynchronous slots, which read replicas have. Prometheus' alert PodsUnschedulable
notices the former. Where a stack has no NAT gateway of its own, nobody here watches the ports of its egress.
"""

from collections.abc import Mapping
from typing import NamedTuple

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.azure.catalog import user_connections
from components.azure.postgres.settings import DatabaseSettings
from components.azure.resource_groups import AzureContext
from components.azure.settings import AzureAlertSettings
from components.component import Component

RUNBOOK = "docs/runbooks/azure-alerts.md"
CRITICAL, ERROR, WARNING = 0, 1, 2
"""Severities of Azure Monitor (learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview)."""


class Metric(NamedTuple):
    """A condition on one metric of a resource."""

    name: str
    aggregation: str
    operator: str
    threshold: float
    minutes: int
    """Over how long Azure aggregates."""
    severity: int
    text: str
    dimensions: Mapping[str, str] = {}


def of_database(settings: DatabaseSettings) -> dict[str, Metric]:
    """Alerts of a PostgreSQL server, by name.

    Metrics: learn.microsoft.com/azure/postgresql/monitor/concepts-monitoring.
    """
    connections, full = user_connections(settings.sku), read_only_percent(settings.storage_gb)
    return {
        "alive": Metric(
            "is_db_alive", "Maximum", "LessThan", 1, 5, CRITICAL,
            "PostgreSQL has not answered for five minutes. Concourse is down.",
        ),
        "storage": Metric(
            "storage_percent", "Average", "GreaterThan", int(full - 10), 15, ERROR,
            f"PostgreSQL's storage is nearly full. At {full:.0f} % it takes no more writes.",
        ),
        "cpu": Metric(
            "cpu_percent", "Average", "GreaterThan", 90, 30, WARNING,
            "PostgreSQL has used more than 90 % of its CPUs for half an hour. Concourse is slow.",
        ),
        "connections": Metric(
            "active_connections", "Maximum", "GreaterThan", connections * 4 // 5, 15, WARNING,
            f"PostgreSQL has more than 80 % of its {connections} connections.",
        ),
    }  # fmt: skip


def read_only_percent(gigabytes: int) -> float:
    """Used storage in percent at which Azure makes a server read-only: 95, or 5 GiB are left.

    learn.microsoft.com/azure/postgresql/compute-storage/concepts-storage
    """
    return min(95.0, 100 - 5 / gigabytes * 100)


GATEWAY: Mapping[str, Metric] = {
    "ports": Metric(
        "SNATConnectionCount", "Total", "GreaterThan", 0, 5, ERROR,
        "Connections to the internet fail: the NAT gateway may have no port left.",
        {"ConnectionState": "Failed"},
    ),
    "gateway": Metric(
        "DatapathAvailability", "Average", "LessThan", 90, 15, ERROR,
        "The NAT gateway is not available. Builds do not reach the internet.",
    ),
}  # fmt: skip
"""Both as Microsoft recommends them (learn.microsoft.com/azure/nat-gateway/nat-metrics, Alerts)."""


class AzureAlerts(Component):
    """An action group with the receivers, and metric alerts that call it."""

    def __init__(
        self,
        name: str,
        settings: AzureAlertSettings,
        *,
        context: AzureContext,
        stack: str,
        runbooks: str,
        webhook: Output[str] | None,
        watched: Mapping[str, tuple[Input[str], Mapping[str, Metric]]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`watched` has the ID of a resource and its alerts, by a name. `runbooks` is a prefix of paths."""
        super().__init__(name, opts)
        group = az.monitor.ActionGroup(
            name,
            resource_group_name=context.group,
            tags=context.tags,
            location="Global",
            group_short_name=stack,  # the sender's name in messages: at most 12 characters, as a stack's
            enabled=True,
            email_receivers=[
                {"name": address, "email_address": address, "use_common_alert_schema": True}
                for address in settings.emails
            ],
            webhook_receivers=[{"name": "webhook", "service_uri": webhook, "use_common_alert_schema": True}]
            if webhook is not None
            else [],
            opts=ResourceOptions(parent=self, additional_secret_outputs=["webhookReceivers"]),
        )
        for what, (resource, alerts) in watched.items():
            for which, metric in alerts.items():
                az.monitor.MetricAlert(
                    f"{name}-{what}-{which}",
                    resource_group_name=context.group,
                    tags=context.tags,
                    location="global",
                    description=f"[{stack}] {metric.text} What to do: {runbooks}{RUNBOOK}#{what}-{which}",
                    severity=metric.severity,
                    enabled=True,
                    auto_mitigate=True,  # a message says when it is over
                    scopes=[resource],
                    evaluation_frequency="PT1M" if metric.severity == CRITICAL else "PT5M",
                    window_size=f"PT{metric.minutes}M",
                    criteria=criteria(metric),
                    actions=[{"action_group_id": group.id}],
                    opts=self.child,
                )
        self.register_outputs({})


def criteria(metric: Metric) -> "az.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs":
    return az.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        all_of=[
            az.monitor.MetricCriteriaArgs(
                criterion_type="StaticThresholdCriterion",
                name=metric.name,
                metric_name=metric.name,
                time_aggregation=metric.aggregation,
                operator=metric.operator,
                threshold=metric.threshold,
                dimensions=[
                    az.monitor.MetricDimensionArgs(name=key, operator="Include", values=[value])
                    for key, value in metric.dimensions.items()
                ],
            )
        ],
    )
