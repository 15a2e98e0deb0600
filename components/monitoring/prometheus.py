"""Prometheus and Alertmanager, installed with the chart kube-prometheus-stack."""

from pulumi import Input, ResourceOptions

from components.component import Component, after
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import release
from components.kubernetes.secret import secret
from components.monitoring.alert_rules import alerts
from components.monitoring.grafana_values import DataSource
from components.monitoring.prometheus_values import PROMETHEUS_RELEASE, SLACK, WEBHOOK, values
from components.monitoring.settings import PrometheusSettings


class Prometheus(Component):
    """Prometheus, its operator and Alertmanager, in one release."""

    source: DataSource
    """Data source for Grafana, which need not wait for Prometheus."""

    def __init__(
        self,
        name: str,
        settings: PrometheusSettings,
        ctx: ClusterContext,
        *,
        webhook: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        slack = secret(SLACK, {WEBHOOK: webhook}, namespace=namespace, parent=self)
        # The node exporter runs in the namespace `node-agents`.
        namespace = after(namespace, ctx.namespaces["node-agents"], ctx.service_monitors)
        alerts(namespace, settings.runbooks, parent=self)
        release(
            PROMETHEUS_RELEASE,
            ctx.charts[PROMETHEUS_RELEASE],
            namespace=namespace,
            values=values(settings, disk=ctx.disks.retain, slack=slack),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
        )
        self.source = DataSource(
            "Prometheus", "prometheus", f"http://{PROMETHEUS_RELEASE}-prometheus.monitoring.svc:9090"
        )
        self.register_outputs({})
