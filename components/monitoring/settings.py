"""Settings of Prometheus, Alertmanager, InfluxDB, Telegraf and Grafana."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model
from components.config.types import Epoch, Quantity, Retention


class PrometheusSettings(Model):
    """Prometheus and Alertmanager: retention, size, replicas and the destination of alerts."""

    retention: Retention = "15d"
    """How long Prometheus keeps metrics."""
    disk_gb: int = Field(default=128, ge=8, le=32767)
    """Size of each Prometheus' disk in GiB. Once it is 80% full, the oldest metrics are deleted early. An
    update alone does not enlarge disks that exist: see docs/runbooks/grow-a-disk.md."""
    memory: Quantity = "4Gi"
    """Memory request and limit of each Prometheus, which needs about 3 GiB for a million series."""
    replicas: int = Field(default=2, ge=1, le=4)
    """Number of Prometheus replicas, and of Alertmanager replicas. Each Prometheus scrapes every target; at
    most one replica may be evicted at a time."""
    slack_channel: str = Field(default="#cd-alerts", pattern=r"^[#@]\S+$")
    """Slack channel or user that receives alerts, including the # or @."""
    runbooks: str = Field(
        default="", pattern=r"^(https://\S+/)?$", examples=["https://git.example.org/cd/blob/main/"]
    )
    """Base URL of this repository's files, ending in a slash, for runbook links in alerts. If empty, alerts
    show paths in the repository instead."""

    @property
    def full_gb(self) -> int:
        """Size limit of Prometheus' data in GiB; the rest of the disk is for data still being written."""
        return self.disk_gb * 4 // 5


HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _long_enough(value: str) -> str:
    if HOURS[value[-1]] * int(value[:-1]) < HOURS["d"]:
        raise ValueError(f"{value!r} is less than a day; set at least 1d")
    return value


class InfluxDbSettings(Model):
    """InfluxDB and Telegraf: measurements of nodes and Concourse, kept longer than Prometheus' metrics."""

    organization: str = Field(default="delivery", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """InfluxDB organization that owns the data. It can only be changed while InfluxDB is empty."""
    bucket: str = Field(default="telegraf", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """Bucket that Telegraf writes to."""
    retention: Annotated[Retention, AfterValidator(_long_enough)] = "90d"
    """How long the bucket keeps data."""
    interval_seconds: int = Field(default=30, ge=5, le=300)
    """Interval in seconds at which Telegraf collects from the nodes and Concourse."""
    disk_gb: int = Field(default=128, ge=8, le=32767)
    """Size of InfluxDB's disk in GiB."""
    memory: Quantity = "4Gi"
    """Memory request and limit of InfluxDB."""
    rotation: Epoch = "2026-11"
    """Month of Telegraf's and Grafana's passwords; setting a later month generates new ones."""

    @property
    def retention_seconds(self) -> int:
        """Retention in seconds, the unit that InfluxDB uses."""
        return HOURS[self.retention[-1]] * int(self.retention[:-1]) * 3600


class GrafanaSettings(Model):
    """Grafana. Its permissions are set under entra.grafana."""

    disk_gb: int = Field(default=16, ge=4, le=1024)
    """Size of Grafana's disk in GiB. The disk holds dashboards and other objects created by hand."""
    memory: Quantity = "1Gi"
    """Memory request and limit of Grafana."""


class MonitoringSettings(Model):
    """Prometheus with Alertmanager, InfluxDB with Telegraf, and Grafana."""

    prometheus: PrometheusSettings = PrometheusSettings()
    """Prometheus and Alertmanager."""
    influxdb: InfluxDbSettings = InfluxDbSettings()
    """InfluxDB, and Telegraf, which writes to it."""
    grafana: GrafanaSettings = GrafanaSettings()
    """Grafana, which shows the dashboards."""
