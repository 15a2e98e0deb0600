"""ChartMuseum: Helm charts that pipelines publish, kept in the stack's storage account."""

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.certificates.internal_ca import server_certificate
from components.chartmuseum.settings import ChartMuseumSettings
from components.chartmuseum.values import CERTIFICATE, PORT, SERVER, Container, values
from components.component import Component, after
from components.ingress.route import Tls, publish
from components.kubernetes.charts import Chart
from components.kubernetes.context import CaTrust, Host
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum


class ChartMuseum(Component):
    """Charts at their host, for whoever has the login."""

    url: Output[str]
    """As people and pipelines write it; known once it is reached."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: ChartMuseumSettings,
        *,
        chart: Chart,
        namespace: Input[str],
        container: Container,
        host: Host,
        trust: CaTrust,
        monitors: Input[bool],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        login = password(f"{name}-login", parent=self, rotation=settings.rotation)
        secret = k8s.core.v1.Secret(
            f"{name}-login",
            metadata={"name": f"{name}-login", "namespace": namespace},
            string_data={"user": settings.user, "password": login, "account-key": container.key},
            opts=self.child,
        )
        certificate = server_certificate(
            CERTIFICATE, trust, namespace=namespace, hosts=["chartmuseum", SERVER], parent=self
        )
        museum = release(
            name,
            chart,
            namespace=after(namespace, certificate),
            values=values(
                settings,
                url=host.url,
                container=container,
                secret=secret.metadata.name,
                stamp=checksum(login, container.key),
            ),
            opts=self.child,
        )
        # The chart's own monitor knows no TLS.
        custom_resource(
            name,
            "ServiceMonitor",
            api_version="monitoring.coreos.com/v1",
            namespace=after(namespace, monitors),
            spec={
                "selector": {"matchLabels": {"app.kubernetes.io/name": "chartmuseum"}},
                "endpoints": [
                    {
                        "targetPort": PORT,
                        "scheme": "https",
                        "tlsConfig": {
                            "ca": {"secret": {"name": certificate, "key": "ca.crt"}},
                            "serverName": SERVER,
                        },
                    }
                ],
            },
            parent=self,
        )
        self.url = publish(
            name,
            host,
            namespace=ready(museum, namespace),
            service="chartmuseum",
            port=PORT,
            tls=Tls(certificate, SERVER),
            parent=self,
        )
        self.register_outputs({"url": self.url})
