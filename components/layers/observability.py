"""Metrics, logs, dashboards and alerts."""

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
        secrets: Secrets,
        entra: Entra,
        webhook: Output[str],
    ) -> None:
        super().__init__(name, ResourceOptions(providers=[cluster.kubernetes_provider]))
        ctx, monitoring, logs = cluster.context, settings.monitoring, settings.logging
        prometheus = Prometheus(
            "prometheus",
            monitoring.prometheus,
            ctx,
            webhook=webhook,
            opts=self.child,
        )
        influxdb = InfluxDb(
            "influxdb",
            monitoring.influxdb,
            ctx,
            opts=self.child,
        )
        elasticsearch = Elasticsearch(
            "elasticsearch",
            logs.elasticsearch,
            logs.kibana,
            ctx,
            opts=self.child,
        )
        ElastAlert(
            "elastalert",
            logs.elastalert,
            ctx,
            login=elasticsearch.elastalert_login,
            login_checksum=elasticsearch.elastalert_login_checksum,
            webhook=webhook,
            opts=self.child,
        )
        PodMonitors(
            "pod-monitors",
            ctx,
            consul_token=secrets.consul_token,
            expires_at={
                "the internal CA's certificate": cluster.internal_ca.expires_at,
                **entra.expires_at,
            },
            opts=self.child,
        )
        Grafana(
            "grafana",
            monitoring.grafana,
            ctx,
            login=entra.grafana,
            tenant=settings.azure.tenant_id,
            sources=[prometheus.source, influxdb.source, elasticsearch.source],
            opts=self.child,
        )
        self.register_outputs({})
