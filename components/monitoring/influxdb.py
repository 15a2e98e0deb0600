"""InfluxDB, and Telegraf, which collects measurements from every node and from Concourse."""

from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.certificates import ca_bundle, server_certificate
from components.component import Component, after
from components.kubernetes.context import ClusterContext
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum, python_job
from components.kubernetes.secret import secret
from components.monitoring.grafana_values import DataSource
from components.monitoring.influxdb_values import URL, concourse, influxdb, nodes
from components.monitoring.settings import InfluxDbSettings

JOBS = Path(__file__).parent / "jobs"

DNS_NAMES = ("influxdb2", "influxdb2.monitoring.svc")


class InfluxDb(Component):
    """InfluxDB with one bucket, one user that may only write and one that may only read."""

    source: DataSource
    """Data source for Grafana, which need not wait for InfluxDB."""

    def __init__(
        self,
        name: str,
        settings: InfluxDbSettings,
        ctx: ClusterContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        agents = ctx.namespaces["node-agents"]
        # InfluxDB reads the administrator's credentials only while its disk is empty, so they do not rotate.
        admin = {key: password(f"influxdb-{key}", parent=self) for key in ("admin-password", "admin-token")}
        users = {
            user: password(f"influxdb-{user}", parent=self, rotation=settings.rotation)
            for user in ("telegraf", "grafana")
        }

        database = release(
            "influxdb2",
            ctx.charts["influxdb2"],
            namespace=namespace,
            values=influxdb(
                settings,
                disk=ctx.disks.retain,
                auth=secret("influxdb-admin", admin, namespace=namespace, parent=self),
                # InfluxDB reads it only at startup: see ChartMuseum's.
                certificate=server_certificate(
                    "influxdb-tls", ctx.trust, namespace=namespace, hosts=DNS_NAMES, parent=self, days=365
                ),
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
        )
        python_job(
            "influxdb-setup",
            namespace=ready(database, namespace),
            script=JOBS / "influxdb.py",
            environment={
                "INFLUXDB_URL": URL,
                "ORGANIZATION": settings.organization,
                "BUCKET": settings.bucket,
                "RETENTION_SECONDS": str(settings.retention_seconds),
            },
            secrets=secret(
                "influxdb-setup",
                {"admin-token": admin["admin-token"], **users},
                namespace=namespace,
                parent=self,
            ),
            checksum=checksum(*users.values()),
            ca=ca_bundle("influxdb-ca", ctx.trust, namespace=namespace, parent=self),
            parent=self,
        )
        self.source = DataSource(
            "InfluxDB",
            "influxdb",
            URL,
            {"dbName": settings.bucket, "httpMode": "POST"},
            user="grafana",
            password=users["grafana"],
            ca_pem=ctx.trust.ca_pem,
        )
        account = k8s.core.v1.ServiceAccount(
            "telegraf-ds", metadata={"name": "telegraf-ds", "namespace": agents}, opts=self.child
        )
        statistics = k8s.rbac.v1.ClusterRole(
            "telegraf-ds",
            metadata={"name": "telegraf-ds"},
            rules=[{"api_groups": [""], "resources": ["nodes/stats", "nodes/pods"], "verbs": ["get"]}],
            opts=self.child,
        )
        bound = k8s.rbac.v1.ClusterRoleBinding(
            "telegraf-ds",
            metadata={"name": "telegraf-ds"},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": statistics.metadata.name,
            },
            subjects=[{"kind": "ServiceAccount", "name": account.metadata.name, "namespace": agents}],
            opts=self.child,
        )
        login = {"password": users["telegraf"]}
        agents = after(agents, bound.metadata.name)
        for chart, where, values in (("telegraf", namespace, concourse), ("telegraf-ds", agents, nodes)):
            release(
                chart,
                ctx.charts[chart],
                namespace=where,
                values=values(
                    settings,
                    password=secret(chart, login, namespace=where, parent=self),
                    ca=ca_bundle(f"{chart}-ca", ctx.trust, namespace=where, parent=self),
                    # Telegraf reads both at startup only.
                    config_checksum=checksum(users["telegraf"], ctx.trust.ca_pem),
                ),
                opts=self.child,
            )
        self.register_outputs({})
