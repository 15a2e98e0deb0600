"""Grafana with login through Entra, and the platform's dashboards."""

from collections.abc import Collection, Sequence

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.certificates import server_certificate
from components.component import Component
from components.entra import OidcClient
from components.ingress import Tls, publish
from components.kubernetes.accounts import allow, service_account
from components.kubernetes.context import ClusterContext
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import release
from components.kubernetes.job import checksum
from components.kubernetes.secret import secret
from components.monitoring.dashboards import without
from components.monitoring.dashboards.grafana_json import to_json
from components.monitoring.grafana_values import DASHBOARD, FOLDER, PORT, DataSource, values
from components.monitoring.settings import GrafanaSettings

SERVER = "grafana.monitoring.svc"


class Grafana(Component):
    """Grafana, published at its host name."""

    url: Output[str]

    def __init__(
        self,
        name: str,
        settings: GrafanaSettings,
        ctx: ClusterContext,
        *,
        login: OidcClient,
        tenant: str,
        sources: Sequence[DataSource],
        runbooks: str = "",
        opts: ResourceOptions | None = None,
    ) -> None:
        """The first of `sources` is the default data source of new panels.

        `runbooks` is the base URL of this repository's files, for links from panels.
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        host = ctx.hosts["grafana"]
        # For use when Entra is unavailable. Grafana reads it only when it starts with an empty disk.
        administrator = password("grafana-administrator", parent=self)
        # The default key is public. If the key changes, Grafana can no longer read what it has encrypted.
        key = password("grafana-secret-key", parent=self)
        passwords = {source.variable: source.password for source in sources if source.user}
        credentials = secret(
            "grafana",
            {
                "admin-user": "admin",
                "admin-password": administrator,
                "secret-key": key,
                "client-secret": login.secret,
                **passwords,
            },
            namespace=namespace,
            parent=self,
        )
        certificate = server_certificate(
            "grafana-tls", ctx.trust, namespace=namespace, hosts=["grafana", SERVER], parent=self
        )
        self._dashboards(namespace, ctx.left_out, runbooks)
        account = allow(
            "grafana-dashboards",
            service_account("grafana", namespace=namespace, parent=self),
            [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
            namespace=namespace,
            parent=self,
        )
        release(
            "grafana",
            ctx.charts["grafana"],
            namespace=namespace,
            values=values(
                settings,
                url=host.url,
                tenant=tenant,
                client_id=login.client_id,
                sources=sources,
                disk=ctx.disks.retain,
                secret=credentials,
                account=account,
                certificate=certificate,
                config_checksum=checksum(login.secret, *map(Output.secret, passwords.values())),
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
        )
        self.url = publish(
            "grafana",
            host,
            namespace=namespace,
            service="grafana",
            port=PORT,
            tls=Tls(certificate, SERVER),
            parent=self,
        )
        self.register_outputs({"url": self.url})

    def _dashboards(self, namespace: Input[str], left_out: Collection[str], runbooks: str) -> None:
        """Create a ConfigMap for each dashboard."""
        for dashboard in without(left_out):
            k8s.core.v1.ConfigMap(
                f"dashboard-{dashboard.uid}",
                metadata={
                    "name": f"dashboard-{dashboard.uid}",
                    "namespace": namespace,
                    "labels": DASHBOARD,
                    "annotations": {FOLDER: "Delivery"},
                },
                data={f"{dashboard.uid}.json": to_json(dashboard, runbooks)},
                opts=self.child,
            )
