"""Prometheus and Alertmanager: discovery, disks, disruption budgets, and alerts to Slack."""

import pytest
import yaml
from pulumi import Output

from components.monitoring.prometheus import Prometheus
from components.monitoring.prometheus_values import PROMETHEUS_RELEASE, SELECTORS, values
from components.monitoring.settings import PrometheusSettings
from tests.support.context import cluster_context

RELEASE = "kubernetes:helm.sh/v3:Release"
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
WEBHOOK = "https://hooks.slack.com/services/T0/B0/secret"


def made(run, *, protected=True, **changes):
    def program():
        Prometheus(
            "metrics",
            PrometheusSettings.model_validate(changes),
            cluster_context(protected=protected),
            webhook=Output.secret(WEBHOOK),
        )

    return run(program)


def chart_values(**changes):
    return values(PrometheusSettings.model_validate(changes), disk="retain", slack="alertmanager-slack")


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


def test_the_webhook_is_in_a_secret_only(run):
    recorder = made(run)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.name == "alertmanager-slack"
    for resource in recorder.resources:
        if resource is not secret:
            assert WEBHOOK not in str(resource.inputs), resource.urn


def test_alertmanager_reads_the_webhook_from_the_secrets_file(run):
    alertmanager = made(run).named(RELEASE)[PROMETHEUS_RELEASE].inputs["values"]["alertmanager"]
    assert alertmanager["alertmanagerSpec"]["secrets"] == ["alertmanager-slack"]
    [slack] = alertmanager["config"]["receivers"][1]["slack_configs"]
    assert slack["api_url_file"] == "/etc/alertmanager/secrets/alertmanager-slack/webhook"
    assert slack["channel"] == "#cd-alerts"
    assert "api_url" not in slack


def test_alerts_without_a_required_action_do_not_go_to_slack():
    [quiet] = chart_values()["alertmanager"]["config"]["route"]["routes"]
    assert quiet == {"receiver": "null", "matchers": ['severity !~ "critical|warning"']}


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
    assert set(rules) == {"alerts-certificates", "alerts-concourse", "alerts-platform", "alerts-vault"}
    for rule in rules.values():
        assert rule.inputs["metadata"]["namespace"] == "monitoring"
        assert "https://git.example.org/cd/docs/runbooks/" in yaml.safe_dump(rule.inputs["spec"])
