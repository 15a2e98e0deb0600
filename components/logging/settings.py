"""Settings of Elasticsearch, Kibana and ElastAlert."""

from typing import Literal

from pydantic import Field

from components.config.model import Model
from components.config.types import Epoch, Quantity, Retention


class ElasticsearchSettings(Model):
    """Elasticsearch, which stores the logs of all containers and the audit logs."""

    retention: Retention = "30d"
    """How long container logs are kept."""
    audit_retention: Retention = "365d"
    """How long the audit logs of Concourse and Vault are kept."""
    nodes: Literal[1, 3, 5] = 3
    """Number of Elasticsearch nodes, spread over the zones. With more than one, each shard has a replica on
    another node. The number is odd because the cluster needs a majority of its nodes to keep running."""
    disk_gb: int = Field(default=256, ge=8, le=32767)
    """Size of each Elasticsearch node's disk in GiB. It can be increased but not reduced."""
    memory: Quantity = "4Gi"
    """Memory request and limit of each Elasticsearch node."""
    rotation: Epoch = "2026-11"
    """Month of all users' passwords, including the one that people use; a later month generates new ones."""


class KibanaSettings(Model):
    """Kibana."""

    replicas: int = Field(default=2, ge=1, le=5)
    """Number of Kibana pods."""


class ElastAlertSettings(Model):
    """ElastAlert2, which sends alerts on log lines to Slack."""

    slack_channel: str = Field(default="#cd-alerts", pattern=r"^[#@]\S+$")
    """Slack channel or user that receives alerts, including the # or @."""
    run_every_minutes: int = Field(default=1, ge=1, le=60)
    """Interval in minutes at which ElastAlert queries the logs."""
    memory: Quantity = "512Mi"
    """Memory request and limit of ElastAlert's pod."""


class LoggingSettings(Model):
    """Elasticsearch, Kibana and ElastAlert."""

    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    """Elasticsearch, which stores the logs."""
    kibana: KibanaSettings = KibanaSettings()
    """Kibana, the web interface for the logs."""
    elastalert: ElastAlertSettings = ElastAlertSettings()
    """ElastAlert2, which sends alerts on log lines to Slack."""


def days_or_hours(retention: str) -> str:
    """The retention in Elasticsearch's notation, which has no unit for weeks."""
    return f"{7 * int(retention[:-1])}d" if retention.endswith("w") else retention
