"""Settings of Prometheus and Alertmanager."""

from pydantic import Field

from components.model import Model, Quantity, Retention


class MetricsSettings(Model):
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
