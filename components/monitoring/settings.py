"""Settings of Prometheus, Alertmanager, InfluxDB, Telegraf and Grafana."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.alias_generators import to_camel

from components.azure.settings import AzureAlertSettings
from components.config.model import Model, shown
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
    """Base URL of this repository's files, ending in a slash, for links to runbooks in alerts and dashboards.
    If empty, alerts show paths in the repository instead, and dashboards have no such links."""

    @property
    def full_gb(self) -> int:
        """Size limit of Prometheus' data in GiB; the rest of the disk is for data still being written."""
        return self.disk_gb * 4 // 5


class ReceiverSettings(Model):
    """Where alerts go besides Slack. Its key or URL is a secret of the stack."""

    severity: Literal["critical", "warning"] = "critical"
    """The lowest severity that it receives: `critical`, or `warning` for all alerts."""


class EmailSettings(ReceiverSettings):
    """Alerts by e-mail. Alertmanager connects to the server directly, never through a proxy."""

    to: str = Field(pattern=r"^[^\s@]+@[^\s@]+$", examples=["on-call@example.org"])
    """Address that receives alerts."""
    sender: str = Field(pattern=r"^[^\s@]+@[^\s@]+$", examples=["alerts@example.org"])
    """Address of the sender."""
    server: str = Field(pattern=r"^[a-z0-9.-]+:587$", examples=["smtp.example.org:587"])
    """Mail server, with port 587, on which it accepts logins after STARTTLS."""
    username: str = Field(min_length=1, examples=["alerts@example.org"])
    """Login to the mail server."""


class AlertingSettings(Model):
    """Receivers of alerts besides Slack. Each needs a secret, which an update asks for if it is missing.

    Opsgenie is not offered: its support ends on 5 April 2027 (support.atlassian.com/opsgenie).
    """

    pager_duty: ReceiverSettings | None = Field(default=None, examples=[{"severity": "critical"}])
    """PagerDuty, by the Events API v2. Its secret is `pagerDutyKey`."""
    teams: ReceiverSettings | None = Field(default=None, examples=[{"severity": "warning"}])
    """A channel of Microsoft Teams, by a workflow's webhook. Its secret is `teamsWebhook`."""
    email: EmailSettings | None = None
    """A mailbox. The login's password is the secret `smtpPassword`."""
    webhook: ReceiverSettings | None = Field(default=None, examples=[{"severity": "warning"}])
    """Any other receiver of Alertmanager's JSON. Its URL is the secret `alertWebhook`."""
    dead_mans_switch: bool = False
    """Whether Alertmanager reports to a monitor outside the stack every five minutes. The monitor alerts when
    the reports stop, for example healthchecks.io with a grace time of 15 minutes. Its URL is the secret
    `deadMansSwitch`."""

    @property
    def receivers(self) -> dict[str, ReceiverSettings]:
        """The receivers of alerts besides Slack, by their keys in the stack file."""
        every = {name: getattr(self, name) for name in ("pager_duty", "teams", "email", "webhook")}
        return {to_camel(name): one for name, one in every.items() if one}

    @property
    def brings(self) -> tuple[str, ...]:
        """The settings that need a secret."""
        switch = ("deadMansSwitch",) if self.dead_mans_switch else ()
        return tuple(f"monitoring.alerting.{name}" for name in (*self.receivers, *switch))


HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def _long_enough(value: str) -> str:
    if HOURS[value[-1]] * int(value[:-1]) < HOURS["d"]:
        raise ValueError(f"{shown(value)} is less than a day; set at least 1d")
    return value


class InfluxDbSettings(Model):
    """InfluxDB and Telegraf: measurements of nodes and Concourse, kept longer than Prometheus' metrics."""

    enabled: bool = True
    """Whether the stack has InfluxDB and Telegraf. Prometheus has the metrics of nodes and Concourse too."""

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

    enabled: bool = True
    """Whether the stack has Grafana. Alerts come from Prometheus and do not need it."""

    disk_gb: int = Field(default=16, ge=4, le=1024)
    """Size of Grafana's disk in GiB. The disk holds dashboards and other objects created by hand."""
    memory: Quantity = "1Gi"
    """Memory request and limit of Grafana."""


class MonitoringSettings(Model):
    """Prometheus with Alertmanager, InfluxDB with Telegraf, and Grafana."""

    prometheus: PrometheusSettings = PrometheusSettings()
    """Prometheus and Alertmanager."""
    alerting: AlertingSettings = AlertingSettings()
    """Receivers of alerts besides Slack, and who notices that alerts stop."""
    azure_monitor: AzureAlertSettings = AzureAlertSettings()
    """Alerts of Azure Monitor about PostgreSQL and the NAT gateway."""
    influxdb: InfluxDbSettings = InfluxDbSettings()
    """InfluxDB, and Telegraf, which writes to it."""
    grafana: GrafanaSettings = GrafanaSettings()
    """Grafana, which shows the dashboards."""
