"""Metrics: Prometheus, what it watches by itself, and Alertmanager, which tells Slack."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.component import Component, after
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release
from components.monitoring.alert_rules import alerts
from components.monitoring.grafana_values import DataSource
from components.monitoring.prometheus_values import NAME, SLACK, WEBHOOK, values
from components.monitoring.settings import PrometheusSettings

CRDS = {"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}}
"""Without their kinds all monitors and rules of the cluster would be gone."""


class Prometheus(Component):
    """The kinds of the operator first, in a release of their own; then Prometheus and Alertmanager."""

    monitors: Output[bool]
    """True, as soon as service monitors can be made: a chart's switch for its own."""
    source: DataSource
    """For Grafana, which need not wait for it."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: PrometheusSettings,
        *,
        charts: Mapping[str, Chart],
        namespace: Input[str],
        agents: Input[str],
        disk: Input[str],
        webhook: Input[str],
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`agents` is the namespace of what runs on every node, `disk` a storage class."""
        super().__init__(name, opts)
        kinds = release(
            "prometheus-operator-crds",
            charts["prometheus-operator-crds"],
            namespace=namespace,
            values=CRDS,
            opts=self.child,
        )
        self.monitors = ready(kinds, value=True)
        slack = k8s.core.v1.Secret(
            SLACK,
            metadata={"name": SLACK, "namespace": namespace},
            string_data={WEBHOOK: webhook},
            opts=self.child,
        )
        # The kinds, and the namespace of its node exporter, which is not its own.
        there = after(namespace, agents, kinds.name)
        alerts(there, settings.runbooks, parent=self)
        release(
            NAME,
            charts[NAME],
            namespace=there,
            values=values(settings, disk=disk, slack=slack.metadata["name"]),
            opts=ResourceOptions(parent=self, protect=protected),
        )
        self.source = DataSource("Prometheus", "prometheus", f"http://{NAME}-prometheus.monitoring.svc:9090")
        self.register_outputs({"monitors": self.monitors})
