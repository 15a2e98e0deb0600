"""Prometheus and Alertmanager, installed with the chart kube-prometheus-stack."""

from collections.abc import Mapping

from pulumi import Input, ResourceOptions, get_stack

from components.component import Component, after
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import release
from components.kubernetes.secret import secret
from components.monitoring.alert_rules import alerts
from components.monitoring.alertmanager import RECEIVERS, configuration, secret_keys
from components.monitoring.grafana_values import DataSource
from components.monitoring.prometheus_values import PROMETHEUS_RELEASE, SCRAPE_INTERVAL, values
from components.monitoring.settings import AlertingSettings, PrometheusSettings


class Prometheus(Component):
    """Prometheus, its operator and Alertmanager, in one release."""

    source: DataSource
    """Data source for Grafana, which need not wait for Prometheus."""

    def __init__(
        self,
        name: str,
        settings: PrometheusSettings,
        alerting: AlertingSettings,
        ctx: ClusterContext,
        *,
        given: Mapping[str, Input[str]],
        proxy: bool = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`given` are secrets by key, among them those of the receivers."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        keys = secret_keys(alerting)
        receivers = secret(RECEIVERS, {key: given[key] for key in keys}, namespace=namespace, parent=self)
        # The node exporter runs in the namespace `node-agents`.
        namespace = after(namespace, ctx.namespaces["node-agents"], ctx.service_monitors)
        alerts(namespace, settings.runbooks, left_out=ctx.left_out, parent=self)
        release(
            PROMETHEUS_RELEASE,
            ctx.charts[PROMETHEUS_RELEASE],
            namespace=namespace,
            values=values(
                settings,
                stack=get_stack(),
                disk=ctx.disks.retain,
                alertmanager=configuration(settings.slack_channel, alerting),
                receivers=receivers,
                dashboards="grafana" not in ctx.left_out,
                proxy=proxy,
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
        )
        self.source = DataSource(
            "Prometheus",
            "prometheus",
            f"http://{PROMETHEUS_RELEASE}-prometheus.monitoring.svc:9090",
            json_data={"timeInterval": SCRAPE_INTERVAL},
        )
        self.register_outputs({})
