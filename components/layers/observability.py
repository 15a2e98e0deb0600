"""Metrics, logs, dashboards and alerts."""

from collections.abc import Mapping

from pulumi import Output, ResourceOptions

from components.component import Component
from components.entra import Entra
from components.layers.cluster_services import ClusterServices
from components.layers.secrets import Secrets
from components.logging import ElastAlert, Elasticsearch
from components.monitoring import Grafana, InfluxDb, PodMonitors, Prometheus
from components.settings import Settings


class Observability(Component):
    """Prometheus, InfluxDB, Elasticsearch, ElastAlert and Grafana."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: ClusterServices,
        *,
        secrets: Secrets | None,
        entra: Entra,
        given: Mapping[str, Output[str]],
    ) -> None:
        """`given` are the secrets of external systems, by their keys in the stack's configuration."""
        super().__init__(name, ResourceOptions(providers=[cluster.kubernetes_provider]))
        ctx, monitoring, logs = cluster.context, settings.monitoring, settings.logging
        prometheus = Prometheus(
            "prometheus",
            monitoring.prometheus,
            monitoring.alerting,
            ctx,
            given=given,
            proxy=settings.proxy is not None,
            opts=self.child,
        )
        sources = [prometheus.source]
        if monitoring.influxdb.enabled:
            sources.append(InfluxDb("influxdb", monitoring.influxdb, ctx, opts=self.child).source)
        if logs.enabled:
            elasticsearch = Elasticsearch(
                "elasticsearch",
                logs.elasticsearch,
                logs.kibana,
                ctx,
                opts=self.child,
            )
            sources.append(elasticsearch.source)
            ElastAlert(
                "elastalert",
                logs.elastalert,
                ctx,
                login=elasticsearch.elastalert_login,
                login_checksum=elasticsearch.elastalert_login_checksum,
                webhook=given["slackWebhook"],
                opts=self.child,
            )
        PodMonitors(
            "pod-monitors",
            ctx,
            consul_token=secrets.consul_token if secrets else None,
            expires_at={
                "the internal CA's certificate": cluster.internal_ca.expires_at,
                **entra.expires_at,
            },
            opts=self.child,
        )
        if monitoring.grafana.enabled:
            Grafana(
                "grafana",
                monitoring.grafana,
                ctx,
                login=entra.grafana,
                tenant=settings.azure.tenant_id,
                sources=sources,
                runbooks=monitoring.prometheus.runbooks,
                opts=self.child,
            )
        self.register_outputs({})
