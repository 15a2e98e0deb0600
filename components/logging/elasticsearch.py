"""Elasticsearch, fluent-bit, which sends it the logs of every node, and Kibana."""

import json
from pathlib import Path

from pulumi import Output, ResourceOptions

from components.certificates import ca_bundle, server_certificate
from components.component import Component, after
from components.ingress import Tls, publish
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum, python_job
from components.kubernetes.secret import secret
from components.logging.settings import ElasticsearchSettings, KibanaSettings, days_or_hours
from components.logging.users import AUDIT, CONTAINERS, access
from components.logging.values import (
    CLUSTER,
    ELASTICSEARCH,
    ELASTICSEARCH_PORT,
    KIBANA,
    KIBANA_PORT,
    elasticsearch,
    fluent_bit,
    kibana,
    operator,
)
from components.monitoring import DataSource

JOBS = Path(__file__).parent / "jobs"

URL = f"https://{ELASTICSEARCH}:{ELASTICSEARCH_PORT}"


class Elasticsearch(Component):
    """Elasticsearch with two data streams: container logs and audit logs."""

    source: DataSource
    """Data source for Grafana, with container logs only."""
    elastalert_login: Output[str]
    """ElastAlert2's Secret with `username` and `password`, in the namespace `logging`; known once the data
    streams exist."""
    elastalert_login_checksum: Output[str]
    """Checksum that changes with ElastAlert2's password."""
    kibana: Output[str]
    """Kibana's URL; known once Kibana is reachable."""

    def __init__(
        self,
        name: str,
        settings: ElasticsearchSettings,
        kibana_settings: KibanaSettings,
        ctx: ClusterContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace = ctx.namespaces["logging"]
        agents = ctx.namespaces["node-agents"]
        host = ctx.hosts["kibana"]
        users = access(namespace, rotation=settings.rotation, parent=self)
        operator_release = release(
            "eck-operator",
            ctx.charts["eck-operator"],
            namespace=namespace,
            values=operator(monitors=ctx.service_monitors),
            opts=self.child,
        )

        def certificate(secret_name: str, server: str) -> Output[str]:
            return server_certificate(
                secret_name, ctx.trust, namespace=namespace, hosts=[server], parent=self
            )

        cluster = release(
            "elasticsearch",
            ctx.charts["eck-elasticsearch"],
            namespace=ready(operator_release, namespace),
            values=elasticsearch(
                settings,
                disk=ctx.disks.retain,
                certificate=certificate("elasticsearch-tls", ELASTICSEARCH),
                users=users,
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
        )
        retention = {CONTAINERS: settings.retention, AUDIT: settings.audit_retention}
        streams = python_job(
            "logs-setup",
            namespace=ready(cluster, namespace),
            script=JOBS / "elasticsearch.py",
            environment={
                "ELASTICSEARCH_URL": URL,
                "REPLICAS": str(min(1, settings.nodes - 1)),
                "RETENTION": json.dumps({stream: days_or_hours(time) for stream, time in retention.items()}),
                "PATIENCE_SECONDS": "1200",  # disks and nodes may have to be created first
            },
            secrets=users.secrets["logs-setup"],
            checksum=checksum(users.passwords["logs-setup"]),
            ca=ca_bundle("elasticsearch-ca", ctx.trust, namespace=namespace, parent=self),
            parent=self,
            minutes=30,
        )
        kibana_tls = certificate("kibana-tls", KIBANA)
        kibana_release = release(
            "kibana",
            ctx.charts["eck-kibana"],
            namespace=ready(cluster, namespace),
            values=kibana(kibana_settings, url=host.url, certificate=kibana_tls),
            opts=self.child,
        )
        self.kibana = publish(
            "kibana",
            host,
            namespace=ready(kibana_release, namespace),
            service=f"{CLUSTER}-kb-http",
            port=KIBANA_PORT,
            tls=Tls(kibana_tls, KIBANA),
            parent=self,
        )
        login = {"password": users.passwords["fluent-bit"]}
        config_checksum = checksum(users.passwords["fluent-bit"], ctx.trust.ca_pem)
        release(
            "fluent-bit",
            ctx.charts["fluent-bit"],
            namespace=agents,
            values=fluent_bit(
                login=secret("fluent-bit-elasticsearch", login, namespace=agents, parent=self),
                ca=ca_bundle("fluent-bit-ca", ctx.trust, namespace=agents, parent=self),
                # A write before the data streams exist would create an index of that name. The checksum waits
                # for the Job: if the namespace did, each new Job would replace the release.
                config_checksum=after(config_checksum, streams),
                monitors=ctx.service_monitors,
                vault="vault" not in ctx.left_out,
            ),
            opts=self.child,
        )
        # Does not wait for Elasticsearch: the other dashboards work without logs.
        self.source = DataSource(
            "Elasticsearch",
            "elasticsearch",
            URL,
            json_data={"index": CONTAINERS, "timeField": "@timestamp", "logMessageField": "log"},
            user="grafana",
            password=users.passwords["grafana"],
            ca_pem=ctx.trust.ca_pem,
        )
        self.elastalert_login = after(users.secrets["elastalert"], streams)
        self.elastalert_login_checksum = checksum(users.passwords["elastalert"])
        self.register_outputs({"kibana": self.kibana})
