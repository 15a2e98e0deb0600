"""ChartMuseum, a repository for Helm charts that stores them in blob storage."""

from pulumi import Output, ResourceOptions

from components.certificates import server_certificate
from components.chartmuseum.settings import ChartMuseumSettings
from components.chartmuseum.values import CERTIFICATE, PORT, SERVER, ChartStorage, values
from components.component import Component, after
from components.ingress import Tls, publish
from components.kubernetes.context import ClusterContext
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum
from components.kubernetes.secret import secret


class ChartMuseum(Component):
    """ChartMuseum, published at its host name, with basic authentication."""

    url: Output[str]
    """URL of the repository; known once its certificate and route exist."""

    def __init__(
        self,
        name: str,
        settings: ChartMuseumSettings,
        ctx: ClusterContext,
        *,
        storage: ChartStorage,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace, host = ctx.namespaces["chartmuseum"], ctx.hosts["charts"]
        login = password(f"{name}-login", parent=self, rotation=settings.rotation)
        credentials = secret(
            f"{name}-login",
            {"user": settings.user, "password": login, "account-key": storage.key},
            namespace=namespace,
            parent=self,
        )
        certificate = server_certificate(
            CERTIFICATE, ctx.trust, namespace=namespace, hosts=["chartmuseum", SERVER], parent=self
        )
        museum = release(
            name,
            ctx.charts["chartmuseum"],
            namespace=after(namespace, certificate),
            values=values(
                settings,
                url=host.url,
                storage=storage,
                secret=credentials,
                config_checksum=checksum(login, storage.key),
            ),
            opts=self.child,
        )
        # The chart's own ServiceMonitor does not support TLS.
        custom_resource(
            name,
            "ServiceMonitor",
            api_version="monitoring.coreos.com/v1",
            namespace=after(namespace, ctx.service_monitors),
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
