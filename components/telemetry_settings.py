"""Settings of InfluxDB and of Telegraf, which fills it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.model import Epoch, Model, Quantity, Retention

HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _long_enough(value: str) -> str:
    if HOURS[value[-1]] * int(value[:-1]) < HOURS["d"]:
        raise ValueError(f"{value!r} is less than a day, which InfluxDB keeps in one piece; at least 1d")
    return value


class TelemetrySettings(Model):
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
