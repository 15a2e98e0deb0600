"""Grafana with login through Entra and dashboards from files."""

from collections.abc import Sequence
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.certificates import server_certificate
from components.component import Component, after
from components.entra import OidcClient
from components.ingress import Tls, publish
from components.kubernetes.context import ClusterContext
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import release
from components.kubernetes.job import checksum
from components.monitoring.grafana_values import DASHBOARD, FOLDER, PORT, DataSource, values
from components.monitoring.settings import GrafanaSettings

FILES = Path(__file__).parent / "dashboards"
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
        opts: ResourceOptions | None = None,
    ) -> None:
        """The first of `sources` is the default data source of new panels."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        host = ctx.hosts["grafana"]
        # For use when Entra is unavailable. Grafana reads it only when it starts with an empty disk.
        administrator = password("grafana-administrator", parent=self)
        # The default key is public. If the key changes, Grafana can no longer read what it has encrypted.
        key = password("grafana-secret-key", parent=self)
        passwords = {source.variable: source.password for source in sources if source.user}
        secret = k8s.core.v1.Secret(
            "grafana",
            metadata={"name": "grafana", "namespace": namespace},
            string_data={
                "admin-user": "admin",
                "admin-password": administrator,
                "secret-key": key,
                "client-secret": login.secret,
                **passwords,
            },
            opts=self.child,
        )
        certificate = server_certificate(
            "grafana-tls", ctx.trust, namespace=namespace, hosts=["grafana", SERVER], parent=self
        )
        self._files(namespace)
        account = self._reader(namespace)
        stamp = checksum(login.secret, *(Output.secret(each) for each in passwords.values()))
        release(
            "grafana",
            ctx.charts["grafana"],
            namespace=account,
            values=values(
                settings,
                url=host.url,
                tenant=tenant,
                client_id=login.client_id,
                sources=sources,
                disk=ctx.disks.retain,
                secret=secret.metadata.name,
                certificate=certificate,
                stamp=stamp,
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

    def _files(self, namespace: Input[str]) -> None:
        """Create a ConfigMap for each dashboard file."""
        for file in sorted(FILES.glob("*.json")):
            k8s.core.v1.ConfigMap(
                f"dashboard-{file.stem}",
                metadata={
                    "name": f"dashboard-{file.stem}",
                    "namespace": namespace,
                    "labels": DASHBOARD,
                    "annotations": {FOLDER: "Delivery"},
                },
                data={file.name: file.read_text()},
                opts=self.child,
            )

    def _reader(self, namespace: Input[str]) -> Output[str]:
        """Allow Grafana's service account to read dashboards. Returns the namespace, known once it may."""
        account = k8s.core.v1.ServiceAccount(
            "grafana",
            metadata={"name": "grafana", "namespace": namespace},
            automount_service_account_token=False,  # the pod sets it itself
            opts=self.child,
        )
        role = k8s.rbac.v1.Role(
            "grafana-dashboards",
            metadata={"name": "grafana-dashboards", "namespace": namespace},
            rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
            opts=self.child,
        )
        bound = k8s.rbac.v1.RoleBinding(
            "grafana-dashboards",
            metadata={"name": "grafana-dashboards", "namespace": namespace},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": role.metadata.name,
            },
            subjects=[{"kind": "ServiceAccount", "name": account.metadata.name, "namespace": namespace}],
            opts=self.child,
        )
        return after(namespace, bound.metadata.name)
