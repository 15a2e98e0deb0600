"""Metrics, logs, dashboards and alerts."""

from pulumi import Output, ResourceOptions

from components.component import Component
from components.entra.directory import Entra
from components.layers.cluster_services import ClusterServices
from components.layers.secrets import Secrets
from components.logging.elastalert import ElastAlert
from components.logging.elasticsearch import Elasticsearch
from components.monitoring.grafana import Grafana
from components.monitoring.influxdb import InfluxDb
from components.monitoring.pod_monitors import PodMonitors
from components.monitoring.prometheus import Prometheus
from components.settings import Settings


class Observability(Component):
    """Prometheus, InfluxDB, Elasticsearch, ElastAlert and Grafana."""

    def __init__(  # noqa: PLR0913 (the layers below, and one secret)
        self,
        name: str,
        settings: Settings,
        cluster: ClusterServices,
        *,
        secrets: Secrets,
        entra: Entra,
        webhook: Output[str],
    ) -> None:
        super().__init__(name, ResourceOptions(providers=[cluster.provider]))
        ctx, monitoring, logs = cluster.context, settings.monitoring, settings.logging
        namespace, agents = ctx.namespaces["monitoring"], ctx.namespaces["node-agents"]
        prometheus = Prometheus(
            "prometheus",
            monitoring.prometheus,
            charts=ctx.charts,
            namespace=namespace,
            agents=agents,
            disk=ctx.disks.retain,
            crds_ready=ctx.service_monitors,
            webhook=webhook,
            protected=ctx.protected,
            opts=self.child,
        )
        influxdb = InfluxDb(
            "influxdb",
            monitoring.influxdb,
            charts=ctx.charts,
            namespace=namespace,
            agents=agents,
            disk=ctx.disks.retain,
            trust=ctx.trust,
            protected=ctx.protected,
            opts=self.child,
        )
        elasticsearch = Elasticsearch(
            "elasticsearch",
            logs.elasticsearch,
            logs.kibana,
            charts=ctx.charts,
            namespace=ctx.namespaces["logging"],
            agents=agents,
            disk=ctx.disks.retain,
            host=ctx.hosts["kibana"],
            trust=ctx.trust,
            monitors=ctx.service_monitors,
            protected=ctx.protected,
            opts=self.child,
        )
        ElastAlert(
            "elastalert",
            logs.elastalert,
            chart=ctx.charts["elastalert2"],
            namespace=ctx.namespaces["logging"],
            login=elasticsearch.watcher,
            login_stamp=elasticsearch.watcher_stamp,
            trust=ctx.trust,
            webhook=webhook,
            kibana=ctx.hosts["kibana"].url,
            monitors=ctx.service_monitors,
            opts=self.child,
        )
        PodMonitors(
            "pod-monitors",
            namespace=namespace,
            crds_ready=ctx.service_monitors,
            trust=ctx.trust,
            consul_token=secrets.consul_token,
            expires_at={
                "the authority of the platform's own certificates": cluster.internal_ca.expires_at,
                **entra.expires_at,
            },
            opts=self.child,
        )
        Grafana(
            "grafana",
            monitoring.grafana,
            charts=ctx.charts,
            namespace=namespace,
            disk=ctx.disks.retain,
            host=ctx.hosts["grafana"],
            login=entra.grafana,
            tenant=settings.azure.tenant_id,
            trust=ctx.trust,
            sources=[prometheus.source, influxdb.source, elasticsearch.source],
            protected=ctx.protected,
            opts=self.child,
        )
        self.register_outputs({})
