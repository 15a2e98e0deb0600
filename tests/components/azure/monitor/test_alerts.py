"""Alerts of Azure Monitor: metrics that exist, thresholds, receivers."""

import re

import pytest
from pulumi import Output

from components.azure.monitor.alerts import CRITICAL, GATEWAY, RUNBOOK, AzureAlerts, of_database
from components.azure.postgres.settings import DatabaseSettings
from components.azure.resource_groups import AzureContext
from components.azure.settings import AzureAlertSettings
from tests.support.recorder import ROOT, SECRET, revealed

GROUP, ALERT = "azure-native:monitor:ActionGroup", "azure-native:monitor:MetricAlert"
METRICS = {
    # learn.microsoft.com/azure/azure-monitor/reference/supported-metrics:
    # microsoft-dbforpostgresql-flexibleservers-metrics
    "is_db_alive": {"Average", "Maximum", "Minimum"},
    "storage_percent": {"Average", "Maximum", "Minimum"},
    "cpu_percent": {"Average", "Maximum", "Minimum"},
    "active_connections": {"Average", "Maximum", "Minimum"},
    # microsoft-network-natgateways-metrics
    "SNATConnectionCount": {"Total"},
    "DatapathAvailability": {"Average"},
}
"""Metrics of Azure, each sampled every minute, and the aggregations that it has."""
WINDOWS = (1, 5, 15, 30, 60)
"""Minutes over which a metric can be aggregated
(learn.microsoft.com/azure/azure-monitor/alerts/alerts-types, metric alerts)."""
SERVER = DatabaseSettings.model_validate({})
EVERY = {
    **{f"database-{n}": m for n, m in of_database(SERVER).items()},
    **{f"egress-{n}": m for n, m in GATEWAY.items()},
}


def made(run, url=None, **changes):
    context = AzureContext("stateful", "westeurope", {"environment": "test"}, protected=True)

    def program():
        AzureAlerts(
            "alerts",
            AzureAlertSettings.model_validate(changes),
            context=context,
            stack="prod",
            runbooks="https://git.example.org/cd/",
            webhook=Output.secret(url) if url else None,
            watched={"database": ("/the/server", of_database(SERVER)), "egress": ("/the/gateway", GATEWAY)},
        )

    return run(program)


@pytest.mark.parametrize("alert", EVERY)
def test_an_alert_is_about_a_metric_that_azure_has_and_aggregates_so(alert):
    metric = EVERY[alert]
    assert metric.aggregation in METRICS[metric.name]
    assert metric.minutes in WINDOWS
    assert isinstance(metric.threshold, int), "Azure's type of it"


@pytest.mark.parametrize("alert", EVERY)
def test_an_alert_has_a_section_in_the_runbook(alert):
    assert f"\n## {alert}\n" in (ROOT / RUNBOOK).read_text()


def test_the_runbook_has_no_other_section():
    assert set(re.findall(r"^## (.+)$", (ROOT / RUNBOOK).read_text(), re.MULTILINE)) == set(EVERY)


@pytest.mark.parametrize(("gigabytes", "threshold"), [(32, 74), (64, 82), (128, 85), (16384, 85)])
def test_full_storage_is_noticed_before_azure_makes_the_server_read_only(gigabytes, threshold):
    """At 95 %, or where 5 GiB are left, whichever comes first."""
    metric = of_database(SERVER.model_copy(update={"storage_gb": gigabytes}))["storage"]
    assert metric.threshold == threshold
    assert gigabytes * (1 - metric.threshold / 100) > 5


def test_connections_are_counted_against_the_size_of_the_server():
    small, large = (
        of_database(SERVER.model_copy(update={"sku": sku}))["connections"].threshold
        for sku in ("Standard_B2s", "Standard_D4ds_v5")
    )
    assert (small, large) == (331, 1362)


def test_every_alert_calls_the_action_group_and_names_stack_and_runbook(run):
    recorder = made(run, emails=["on-call@example.org"])
    group = recorder.one(GROUP)
    alerts = recorder.named(ALERT)
    assert set(alerts) == {f"alerts-{name}" for name in EVERY}
    for name, alert in alerts.items():
        inputs = alert.inputs
        [action] = inputs["actions"]
        assert action["actionGroupId"].endswith(f"/{group.name}")
        assert inputs["scopes"] == ["/the/server" if "database" in name else "/the/gateway"]
        assert inputs["description"].startswith("[prod] ")
        section = name.removeprefix("alerts-")
        assert inputs["description"].endswith(f"https://git.example.org/cd/{RUNBOOK}#{section}")
        assert inputs["location"] == "global", "as Azure has every metric alert"
    assert alerts["alerts-database-alive"].inputs["severity"] == CRITICAL


def test_failed_connections_alone_are_counted(run):
    ports = made(run, emails=["on-call@example.org"]).named(ALERT)["alerts-egress-ports"].inputs
    [condition] = ports["criteria"]["allOf"]
    assert condition["dimensions"] == [
        {"name": "ConnectionState", "operator": "Include", "values": ["Failed"]}
    ]


def test_mail_and_webhook_receive_the_alerts_and_the_webhook_is_secret(run):
    inputs = (
        made(run, "https://alerts.example.org/x", emails=["a@example.org", "b@example.org"], webhook=True)
        .one(GROUP)
        .inputs
    )
    assert [each["emailAddress"] for each in inputs["emailReceivers"]] == ["a@example.org", "b@example.org"]
    assert SECRET in inputs["webhookReceivers"]
    [webhook] = revealed(inputs["webhookReceivers"])
    assert webhook["serviceUri"] == "https://alerts.example.org/x"
    assert inputs["groupShortName"] == "prod"


def test_nobody_gets_a_webhook_that_is_not_set(run):
    assert made(run, emails=["a@example.org"]).one(GROUP).inputs["webhookReceivers"] == []
