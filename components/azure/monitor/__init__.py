"""Azure Monitor: logs that Azure keeps, and alerts about what Prometheus does not see."""

from components.azure.monitor.alerts import GATEWAY, AzureAlerts, Metric, of_database
from components.azure.monitor.diagnostics import CLUSTER, DATABASE, KEY_VAULT, Diagnostics

__all__ = [
    "CLUSTER",
    "DATABASE",
    "GATEWAY",
    "KEY_VAULT",
    "AzureAlerts",
    "Diagnostics",
    "Metric",
    "of_database",
]
