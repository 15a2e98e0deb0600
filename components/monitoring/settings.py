"""What a stack chooses about Prometheus, Alertmanager, InfluxDB, Telegraf and Grafana."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model
from components.config.types import Epoch, Quantity, Retention


class PrometheusSettings(Model):
    """Prometheus and Alertmanager: how much they keep, how many there are, and whom they tell."""

    retention: Retention = "15d"
    """How long Prometheus keeps metrics."""
    disk_gb: int = Field(default=128, ge=8, le=32767)
    """GiB of each Prometheus' disk. The oldest metrics go early when four fifths are full."""
    memory: Quantity = "4Gi"
    """Of each Prometheus. It takes about 3 GiB for a million series."""
    replicas: int = Field(default=2, ge=1, le=4)
    """Prometheuses, and Alertmanagers as many. Each watches everything; one may go at a time."""
    slack_channel: str = Field(default="#cd-alerts", pattern=r"^[#@]\S+$")
    """Where alerts go, with its # or @."""
    runbooks: str = Field(
        default="", pattern=r"^(https://\S+/)?$", examples=["https://git.example.org/cd/blob/main/"]
    )
    """Address of this repository's files, with a slash at the end, for the links in alerts. Without it they
    are paths in the repository."""

    @property
    def full_gb(self) -> int:
        """What Prometheus may fill; it needs room beside that for what it is just writing."""
        return self.disk_gb * 4 // 5


HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _long_enough(value: str) -> str:
    if HOURS[value[-1]] * int(value[:-1]) < HOURS["d"]:
        raise ValueError(f"{value!r} is less than a day, which InfluxDB keeps in one piece; at least 1d")
    return value


class InfluxDbSettings(Model):
    """InfluxDB and Telegraf: what the nodes and Concourse tell, kept for longer than metrics."""

    organization: str = Field(default="delivery", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """InfluxDB's word for whose data it is. Only an empty InfluxDB takes another."""
    bucket: str = Field(default="telegraf", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """Where Telegraf writes."""
    retention: Annotated[Retention, AfterValidator(_long_enough)] = "90d"
    """How long the bucket keeps what is written."""
    interval_seconds: int = Field(default=30, ge=5, le=300)
    """How often nodes and Concourse are asked, in seconds."""
    disk_gb: int = Field(default=128, ge=8, le=32767)
    """GiB of InfluxDB's disk."""
    memory: Quantity = "4Gi"
    """Of InfluxDB."""
    rotation: Epoch = "2026-11"
    """The month of the passwords of Telegraf and Grafana; moving it makes new ones."""

    @property
    def retention_seconds(self) -> int:
        """As InfluxDB counts."""
        return HOURS[self.retention[-1]] * int(self.retention[:-1]) * 3600


class GrafanaSettings(Model):
    """Grafana. Who may do what in it is under entra.grafana."""

    disk_gb: int = Field(default=16, ge=4, le=1024)
    """GiB of Grafana's disk, which keeps what people made in it by hand."""
    memory: Quantity = "1Gi"
    """Of Grafana."""


class MonitoringSettings(Model):
    """Prometheus with Alertmanager, InfluxDB with Telegraf, and Grafana."""

    prometheus: PrometheusSettings = PrometheusSettings()
    """Prometheus and Alertmanager."""
    influxdb: InfluxDbSettings = InfluxDbSettings()
    """InfluxDB, and Telegraf, which writes to it."""
    grafana: GrafanaSettings = GrafanaSettings()
    """Grafana."""
