"""Settings of Elasticsearch and Kibana, and of what fills and watches them."""

from typing import Literal

from pydantic import Field

from components.config.model import Model
from components.config.types import Epoch, Quantity, Retention


class ElasticsearchSettings(Model):
    """Logs of all containers and who did what, in Elasticsearch, with Kibana to read them."""

    retention: Retention = "30d"
    """How long the containers' logs are kept."""
    audit_retention: Retention = "365d"
    """How long it is kept who did what in Concourse and who asked Vault for what."""
    nodes: Literal[1, 3, 5] = 3
    """Elasticsearch's, over the zones, each with a copy of another's data; one alone has no copy. Of an even
    number half is no majority, which one needs to go on."""
    disk_gb: int = Field(default=256, ge=8, le=32767)
    """GiB of each node's disk; it can grow and not shrink."""
    memory: Quantity = "4Gi"
    """Of each node."""
    rotation: Epoch = "2026-11"
    """Month of the users' passwords, people's among them. A later one makes new ones."""


class KibanaSettings(Model):
    """Kibana."""

    replicas: int = Field(default=2, ge=1, le=5)
    """Number of pods."""


class ElastAlertSettings(Model):
    """ElastAlert2: what in the logs Slack is told of."""

    slack_channel: str = Field(default="#cd-alerts", pattern=r"^[#@]\S+$")
    """Where alerts go, with its # or @."""
    run_every_minutes: int = Field(default=1, ge=1, le=60)
    """How often the logs are asked, in minutes."""
    memory: Quantity = "512Mi"
    """Of its pod."""


class LoggingSettings(Model):
    """Elasticsearch, Kibana and ElastAlert."""

    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    """Elasticsearch, which keeps the logs."""
    kibana: KibanaSettings = KibanaSettings()
    """Kibana, which shows them."""
    elastalert: ElastAlertSettings = ElastAlertSettings()
    """ElastAlert, which sends alerts on log lines to Slack."""


def days_or_hours(retention: str) -> str:
    """As Elasticsearch writes it, which knows no weeks."""
    return f"{7 * int(retention[:-1])}d" if retention.endswith("w") else retention
