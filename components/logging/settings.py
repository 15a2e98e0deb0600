"""Settings of Elasticsearch, Kibana and ElastAlert."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.azure.settings import WorkspaceSettings
from components.config.model import Model, Problem, Rule
from components.config.types import Epoch, Quantity, Retention, WorkspaceId


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
    """Elasticsearch, Kibana, fluent-bit and ElastAlert."""

    enabled: bool = True
    """Whether the stack has Elasticsearch, Kibana, fluent-bit and ElastAlert. Without them a container's log
    is on its node only, and the audit logs of Concourse and Vault are nowhere else."""
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    """Elasticsearch, which stores the logs."""
    kibana: KibanaSettings = KibanaSettings()
    """Kibana, the web interface for the logs."""
    elastalert: ElastAlertSettings = ElastAlertSettings()
    """ElastAlert2, which sends alerts on log lines to Slack."""
    workspace_id: WorkspaceId | None = None
    """Resource ID of an existing Log Analytics workspace. It gets what Azure itself logs: changes through the
    API server, logins to it (guard), the use of the key vault, and PostgreSQL's log. Unset: the stack has a
    workspace of its own."""
    workspace: WorkspaceSettings = WorkspaceSettings()
    """The stack's own Log Analytics workspace."""

    def rules(self) -> Iterable[Rule]:
        return (self._one_workspace,)

    def _one_workspace(self) -> Iterator[Problem]:
        if self.workspace_id and "workspace" in self.model_fields_set:
            yield Problem("workspace", "logging.workspaceId brings another workspace; remove one of the two")


def days_or_hours(retention: str) -> str:
    """The retention in Elasticsearch's notation, which has no unit for weeks."""
    return f"{7 * int(retention[:-1])}d" if retention.endswith("w") else retention
