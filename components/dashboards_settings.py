"""Settings of Grafana."""

from pydantic import Field

from components.model import Model, Quantity


class DashboardsSettings(Model):
    """Grafana. Who may do what in it is under entra.grafana."""

    disk_gb: int = Field(default=16, ge=4, le=1024)
    """GiB of Grafana's disk, which keeps what people made in it by hand."""
    memory: Quantity = "1Gi"
    """Of Grafana."""
