"""ChartMuseum: Helm charts that pipelines publish, kept in the stack's storage account."""

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.certificates.internal_ca import Trust, server_certificate
from components.chartmuseum.settings import ChartMuseumSettings
from components.chartmuseum.values import CERTIFICATE, PORT, SERVER, Container, values
from components.ingress.route import Host, Tls, publish
from components.kubernetes.charts import Chart
from components.kubernetes.custom_resource import custom
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import ready, release
from components.kubernetes.job import stamp_of


class ChartMuseum(ComponentResource):
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
        trust: Trust,
        monitors: Input[bool],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("platform:index:ChartMuseum", name, None, opts)
        child = ResourceOptions(parent=self)
        login = password(f"{name}-login", parent=self, rotation=settings.rotation)
        secret = k8s.core.v1.Secret(
            f"{name}-login",
            metadata={"name": f"{name}-login", "namespace": namespace},
            string_data={"user": settings.user, "password": login, "account-key": container.key},
            opts=child,
        )
        certificate = server_certificate(
            CERTIFICATE, trust, namespace=namespace, hosts=["chartmuseum", SERVER], parent=self
        )
        museum = release(
            name,
            chart,
            namespace=Output.all(namespace, certificate).apply(lambda both: str(both[0])),
            values=values(
                settings,
                url=host.url,
                container=container,
                secret=secret.metadata.name,
                stamp=stamp_of(login, container.key),
            ),
            opts=child,
        )
        # The chart's own monitor knows no TLS.
        custom(
            name,
            "ServiceMonitor",
            api_version="monitoring.coreos.com/v1",
            namespace=Output.all(namespace, monitors).apply(lambda both: str(both[0])),
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
