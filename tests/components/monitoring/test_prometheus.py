"""Prometheus and Alertmanager: they find everything, tell Slack, and let nodes go."""

import pytest
import yaml
from pulumi import Output

from components.monitoring.prometheus import Prometheus
from components.monitoring.prometheus_values import KINDS, PROMETHEUS_RELEASE, values
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


def told(**changes):
    return values(PrometheusSettings.model_validate(changes), disk="retain", slack="alertmanager-slack")


@pytest.mark.parametrize("kind", KINDS)
def test_what_other_charts_bring_is_found_whatever_its_labels(kind):
    assert told()["prometheus"]["prometheusSpec"][f"{kind}SelectorNilUsesHelmValues"] is False


def test_parts_that_aks_hides_are_neither_watched_nor_missed():
    told_ = told()
    for part in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy"):
        assert told_[part] == {"enabled": False}
    for rules in ("etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting"):
        assert told_["defaultRules"]["rules"][rules] is False


def test_metrics_are_on_disks_that_are_kept(run):
    spec = told(diskGb=200)["prometheus"]["prometheusSpec"]
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["storageClassName"] == "retain"
    assert claim["resources"] == {"requests": {"storage": "200Gi"}}
    assert spec["retentionSize"] == "160GB", "or the disk is full before the oldest go"
    alertmanager = told()["alertmanager"]["alertmanagerSpec"]["storage"]["volumeClaimTemplate"]["spec"]
    assert alertmanager["storageClassName"] == "retain"


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_with_the_disks_is_protected_where_the_stack_says_so(run, protected):
    releases = made(run, protected=protected).named(RELEASE)
    assert releases[PROMETHEUS_RELEASE].options.get("protect", False) is protected


@pytest.mark.parametrize(("replicas", "budget"), [(1, (False, 0)), (2, (True, 1)), (3, (True, 2))])
def test_a_node_can_always_be_drained(replicas, budget):
    for part in ("prometheus", "alertmanager"):
        found = told(replicas=replicas)[part]["podDisruptionBudget"]
        assert (found["enabled"], found["minAvailable"]) == budget
        assert found["minAvailable"] < replicas


def test_several_are_on_nodes_of_their_own_and_spread_over_zones():
    for part, spec in (("prometheus", "prometheusSpec"), ("alertmanager", "alertmanagerSpec")):
        assert told(replicas=2)[part][spec]["podAntiAffinity"] == "hard"
        [zones] = told()[part][spec]["topologySpreadConstraints"]
        assert zones["topologyKey"] == "topology.kubernetes.io/zone"
        assert zones["whenUnsatisfiable"] == "ScheduleAnyway", "one zone less must not stop it"


def test_the_webhook_is_in_a_secret_and_nowhere_else(run):
    recorder = made(run)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.name == "alertmanager-slack"
    for resource in recorder.resources:
        if resource is not secret:
            assert WEBHOOK not in str(resource.inputs), resource.urn


def test_alertmanager_reads_the_webhook_from_the_file_of_that_secret(run):
    alertmanager = made(run).named(RELEASE)[PROMETHEUS_RELEASE].inputs["values"]["alertmanager"]
    assert alertmanager["alertmanagerSpec"]["secrets"] == ["alertmanager-slack"]
    [slack] = alertmanager["config"]["receivers"][1]["slack_configs"]
    assert slack["api_url_file"] == "/etc/alertmanager/secrets/alertmanager-slack/webhook"
    assert slack["channel"] == "#cd-alerts"
    assert "api_url" not in slack


def test_what_nobody_has_to_do_anything_about_is_not_told():
    [quiet] = told()["alertmanager"]["config"]["route"]["routes"]
    assert quiet == {"receiver": "null", "matchers": ['severity !~ "critical|warning"']}


def test_no_webhook_stands_between_the_api_server_and_a_rule():
    operator = told()["prometheusOperator"]
    assert operator["admissionWebhooks"] == {"enabled": False}
    assert operator["tls"] == {"enabled": False}, "its certificate would come of the webhook's jobs"


def test_grafana_is_no_part_of_it_but_its_dashboards_are():
    assert told()["grafana"] == {"enabled": False, "forceDeployDashboards": True}


def test_what_reads_the_nodes_own_files_is_where_pods_may(run):
    assert told()["prometheus-node-exporter"]["namespaceOverride"] == "node-agents"


def test_prometheus_shows_its_token_to_kubelets_that_prove_who_they_are():
    assert told()["kubelet"]["serviceMonitor"]["insecureSkipVerify"] is False


def test_every_pod_says_what_memory_it_needs():
    told_ = told(memory="6Gi")
    for resources in (
        told_["prometheus"]["prometheusSpec"]["resources"],
        told_["alertmanager"]["alertmanagerSpec"]["resources"],
        told_["prometheusOperator"]["resources"],
        told_["prometheusOperator"]["prometheusConfigReloader"]["resources"],
        told_["kube-state-metrics"]["resources"],
        told_["prometheus-node-exporter"]["resources"],
    ):
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert "cpu" not in resources["limits"]
    assert told_["prometheus"]["prometheusSpec"]["resources"]["limits"]["memory"] == "6Gi"


def test_each_file_of_rules_is_an_object_of_its_own(run):
    rules = made(run, runbooks="https://git.example.org/cd/").named(RULE)
    assert set(rules) == {"alerts-certificates", "alerts-concourse", "alerts-platform", "alerts-vault"}
    for rule in rules.values():
        assert rule.inputs["metadata"]["namespace"] == "monitoring"
        assert "https://git.example.org/cd/docs/runbooks/" in yaml.safe_dump(rule.inputs["spec"])
