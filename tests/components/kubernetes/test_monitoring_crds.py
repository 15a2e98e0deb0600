"""The CRDs of the Prometheus operator."""

from components.kubernetes.charts import CHARTS
from components.kubernetes.monitoring_crds import MonitoringCrds
from tests.support.recorder import RELEASE


def made(run, seen=None):
    def program():
        crds = MonitoringCrds("crds", chart=CHARTS["prometheus-operator-crds"], namespace="monitoring")
        if seen is not None:
            crds.ready.apply(seen.append)

    return run(program)


def test_helm_keeps_the_crds_when_their_release_is_deleted(run):
    """With a CRD, Kubernetes deletes every object of it."""
    [release] = made(run).of_type(RELEASE)
    assert release.inputs["values"]["crds"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "protect" not in release.options


def test_only_the_release_of_the_crds_installs_them(run_stack):
    """Helm never upgrades what lies in a chart's crds/."""
    prometheus = run_stack("staging").named(RELEASE)["kube-prometheus-stack"]
    assert prometheus.inputs["values"]["crds"] == {"enabled": False}


def test_both_charts_are_pinned_to_the_same_operator():
    """Operator 0.93.1. Renovate moves the two together."""
    pins = {name: CHARTS[name].version for name in ("prometheus-operator-crds", "kube-prometheus-stack")}
    assert pins == {"prometheus-operator-crds": "31.0.1", "kube-prometheus-stack": "88.5.3"}, (
        "compare their appVersion"
    )


def test_a_chart_with_a_service_monitor_waits_for_the_crds_alone(run):
    seen = []
    made(run, seen)
    assert seen == [True]
