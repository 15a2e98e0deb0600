"""Prometheus and Alertmanager: discovery, disks, disruption budgets, and receivers of alerts."""

import re

import pytest
import yaml
from pulumi import Output

from components.config.secrets import REQUIRED_SECRETS
from components.monitoring.alertmanager import configuration
from components.monitoring.prometheus import Prometheus
from components.monitoring.prometheus_values import PROMETHEUS_RELEASE, SELECTORS, values
from components.monitoring.settings import AlertingSettings, PrometheusSettings
from tests.support.context import cluster_context

RELEASE = "kubernetes:helm.sh/v3:Release"
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
GIVEN = {key: Output.secret(f"the {key}") for key in REQUIRED_SECRETS}
EMAIL = {
    "to": "on-call@example.org",
    "sender": "alerts@example.org",
    "server": "smtp.example.org:587",
    "username": "alerts@example.org",
}
SLACK_ALONE = AlertingSettings()
EVERY = AlertingSettings.model_validate(
    {
        "pagerDuty": {},
        "teams": {"severity": "warning"},
        "email": EMAIL,
        "webhook": {"severity": "warning"},
        "deadMansSwitch": True,
    }
)


def made(run, *, protected=True, alerting=SLACK_ALONE, **changes):
    def program():
        Prometheus(
            "metrics",
            PrometheusSettings.model_validate(changes),
            alerting,
            cluster_context(protected=protected),
            given=GIVEN,
        )

    return run(program)


def chart_values(**changes):
    settings = PrometheusSettings.model_validate(changes)
    return values(settings, stack="prod", disk="retain", alertmanager={}, receivers="receivers")


@pytest.mark.parametrize("resource", SELECTORS)
def test_monitors_of_other_charts_are_found_whatever_their_labels(resource):
    assert chart_values()["prometheus"]["prometheusSpec"][f"{resource}SelectorNilUsesHelmValues"] is False


def test_components_that_aks_hides_are_not_scraped_and_have_no_alerts():
    found = chart_values()
    for part in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy"):
        assert found[part] == {"enabled": False}
    for rules in ("etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting"):
        assert found["defaultRules"]["rules"][rules] is False


def test_metrics_are_on_retained_disks(run):
    spec = chart_values(diskGb=200)["prometheus"]["prometheusSpec"]
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["storageClassName"] == "retain"
    assert claim["resources"] == {"requests": {"storage": "200Gi"}}
    assert spec["retentionSize"] == "160GB", "otherwise the disk is full before the oldest data is deleted"
    alertmanager = chart_values()["alertmanager"]["alertmanagerSpec"]["storage"]["volumeClaimTemplate"][
        "spec"
    ]
    assert alertmanager["storageClassName"] == "retain"


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_with_the_disks_is_protected_if_the_stack_is(run, protected):
    releases = made(run, protected=protected).named(RELEASE)
    assert releases[PROMETHEUS_RELEASE].options.get("protect", False) is protected


@pytest.mark.parametrize(("replicas", "budget"), [(1, (False, 0)), (2, (True, 1)), (3, (True, 2))])
def test_a_node_can_always_be_drained(replicas, budget):
    for part in ("prometheus", "alertmanager"):
        found = chart_values(replicas=replicas)[part]["podDisruptionBudget"]
        assert (found["enabled"], found["minAvailable"]) == budget
        assert found["minAvailable"] < replicas


def test_replicas_are_on_different_nodes_and_spread_over_zones():
    for part, spec in (("prometheus", "prometheusSpec"), ("alertmanager", "alertmanagerSpec")):
        assert chart_values(replicas=2)[part][spec]["podAntiAffinity"] == "hard"
        [zones] = chart_values()[part][spec]["topologySpreadConstraints"]
        assert zones["topologyKey"] == "topology.kubernetes.io/zone"
        assert zones["whenUnsatisfiable"] == "ScheduleAnyway", "the loss of a zone must not block it"


def test_keys_and_urls_of_receivers_are_in_a_secret_only(run):
    recorder = made(run, alerting=EVERY)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.name == "alertmanager-receivers"
    assert set(secret.inputs["stringData"]["value"]) == set(REQUIRED_SECRETS) - {
        "databasePassword", "azureAlertWebhook",
    }  # fmt: skip
    for resource in recorder.resources:
        if resource is not secret:
            assert not any(f"the {key}" in str(resource.inputs) for key in REQUIRED_SECRETS), resource.urn


def test_a_stack_without_other_receivers_has_the_secret_of_slack_only(run):
    [secret] = made(run).of_type("kubernetes:core/v1:Secret")
    assert set(secret.inputs["stringData"]["value"]) == {"slackWebhook"}


def test_alertmanager_reads_every_secret_from_a_file_of_the_mounted_secret(run):
    found = made(run, alerting=EVERY)
    alertmanager = found.named(RELEASE)[PROMETHEUS_RELEASE].inputs["values"]["alertmanager"]
    [mounted] = alertmanager["alertmanagerSpec"]["secrets"]
    files = [
        (key, value)
        for receiver in alertmanager["config"]["receivers"][1:]
        for configs in receiver.values()
        if isinstance(configs, list)
        for key, value in configs[0].items()
        if key.endswith("_file")
    ]
    assert {key for key, _ in files} == {
        "api_url_file", "routing_key_file", "webhook_url_file", "auth_password_file", "url_file",
    }  # fmt: skip
    [secret] = found.of_type("kubernetes:core/v1:Secret")
    folder = f"/etc/alertmanager/secrets/{mounted}/"
    assert {value.removeprefix(folder) for _, value in files} == set(secret.inputs["stringData"]["value"])


def receivers(labels, alerting=EVERY):
    """The receivers of an alert, by the first routes that match and do not continue."""
    found = []
    for route in configuration("#cd-alerts", alerting)["route"]["routes"]:
        if all(matches(matcher, labels) for matcher in route.get("matchers", ())):
            found.append(route["receiver"])
            if not route.get("continue"):
                break
    return found


def matches(matcher, labels):
    label, operator, value = matcher.split(" ", 2)
    equal = re.fullmatch(value.strip('"'), labels.get(label, "")) is not None
    return {"=": equal, "=~": equal, "!~": not equal}[operator]


def test_critical_alerts_go_to_all_receivers_and_warnings_to_those_that_want_them():
    assert receivers({"severity": "critical"}) == ["pagerDuty", "teams", "email", "webhook", "slack"]
    assert receivers({"severity": "warning"}) == ["teams", "webhook", "slack"]
    assert receivers({"severity": "critical"}, AlertingSettings()) == ["slack"]


def test_alerts_without_a_required_action_go_to_nobody_and_the_watchdog_to_the_dead_mans_switch():
    assert receivers({"alertname": "InfoInhibitor", "severity": "none"}) == ["null"]
    watchdog = {"alertname": "Watchdog", "severity": "none"}
    assert receivers(watchdog) == ["deadMansSwitch"]
    assert receivers(watchdog, AlertingSettings()) == ["null"]


def test_alerts_say_which_stack_they_are_from():
    assert chart_values()["prometheus"]["prometheusSpec"]["externalLabels"] == {"stack": "prod"}


def test_disks_have_one_alert_with_a_runbook_of_ours():
    assert chart_values()["defaultRules"]["disabled"] == {"KubePersistentVolumeFillingUp": True}


def test_the_admission_webhook_is_off():
    operator = chart_values()["prometheusOperator"]
    assert operator["admissionWebhooks"] == {"enabled": False}
    assert operator["tls"] == {"enabled": False}, "its certificate would come from the webhook's jobs"


def test_the_charts_grafana_is_off_and_its_dashboards_are_installed():
    assert chart_values()["grafana"] == {"enabled": False, "forceDeployDashboards": True}


def test_the_node_exporter_runs_in_the_namespace_for_node_agents(run):
    assert chart_values()["prometheus-node-exporter"]["namespaceOverride"] == "node-agents"


def test_prometheus_verifies_kubelets():
    assert chart_values()["kubelet"]["serviceMonitor"]["insecureSkipVerify"] is False


def test_every_pod_has_equal_memory_request_and_limit():
    found = chart_values(memory="6Gi")
    for resources in (
        found["prometheus"]["prometheusSpec"]["resources"],
        found["alertmanager"]["alertmanagerSpec"]["resources"],
        found["prometheusOperator"]["resources"],
        found["prometheusOperator"]["prometheusConfigReloader"]["resources"],
        found["kube-state-metrics"]["resources"],
        found["prometheus-node-exporter"]["resources"],
    ):
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert "cpu" not in resources["limits"]
    assert found["prometheus"]["prometheusSpec"]["resources"]["limits"]["memory"] == "6Gi"


def test_each_rules_file_becomes_a_prometheus_rule(run):
    rules = made(run, runbooks="https://git.example.org/cd/").named(RULE)
    of = ("certificates", "concourse", "influxdb", "logging", "platform", "vault")
    assert set(rules) == {f"alerts-{each}" for each in of}
    for rule in rules.values():
        assert rule.inputs["metadata"]["namespace"] == "monitoring"
        assert "https://git.example.org/cd/docs/runbooks/" in yaml.safe_dump(rule.inputs["spec"])
