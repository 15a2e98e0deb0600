"""ChartMuseum, a repository for Helm charts that stores them in blob storage."""

from typing import Any, NamedTuple

from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from components.certificates import server_certificate
from components.component import Component, after
from components.config.model import Model
from components.config.types import Epoch, Quantity
from components.ingress import Tls, publish
from components.kubernetes.context import ClusterContext
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.generated_secrets import password
from components.kubernetes.helm import ready, release
from components.kubernetes.job import RESTRICTED_CONTAINER, USER, checksum
from components.kubernetes.namespaces import allow
from components.kubernetes.network_policies import PROMETHEUS, TRAEFIK, External, Flow, by_name_label
from components.kubernetes.pod_values import resources
from components.kubernetes.secret import secret

PORT = 8080
SERVER = "chartmuseum.chartmuseum.svc"
CERTIFICATE = "chartmuseum-tls"
PODS = by_name_label("chartmuseum", "pods", "chartmuseum")
FLOWS = (
    Flow(TRAEFIK, PODS, (PORT,), "chart downloads and uploads"),
    Flow(PROMETHEUS, PODS, (PORT,), "metrics"),
    Flow(PODS, External.INTERNET, (443,), "blob storage"),
)


class ChartMuseumSettings(Model):
    """Settings of ChartMuseum."""

    enabled: bool = True
    """Whether the stack has ChartMuseum and the storage account for its charts."""

    user: str = Field(default="charts", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Basic-auth user for reading and pushing charts. Anonymous access is off; the password is generated."""
    rotation: Epoch = "2026-11"
    """Month of the basic-auth password. A later month generates a new one; the old one stops working."""
    memory: Quantity = "512Mi"
    """Memory request and limit of ChartMuseum, which keeps the index of all charts in memory."""


class ChartStorage(NamedTuple):
    """The blob container for charts. ChartMuseum needs its key: it does not support workload identity."""

    account: Input[str]
    container: Input[str]
    key: Output[str]


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
        allowed = allow(name, FLOWS, ctx.namespaces, parent=self)
        namespace, host = after(ctx.namespaces["chartmuseum"], *allowed), ctx.hosts["charts"]
        login = password(f"{name}-login", parent=self, rotation=settings.rotation)
        credentials = secret(
            f"{name}-login",
            {"user": settings.user, "password": login, "account-key": storage.key},
            namespace=namespace,
            parent=self,
        )
        # ChartMuseum reads it at startup only, and node image updates restart it each week. With a year it
        # also survives half a year without any, because it is renewed after six months.
        certificate = server_certificate(
            CERTIFICATE, ctx.trust, namespace=namespace, hosts=["chartmuseum", SERVER], parent=self, days=365
        )
        museum = release(
            name,
            ctx.charts["chartmuseum"],
            namespace=after(namespace, certificate),
            values=_values(
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


def _values(
    settings: ChartMuseumSettings,
    *,
    url: str,
    storage: ChartStorage,
    secret: Input[str],
    config_checksum: Input[str],
) -> dict[str, Any]:
    """Values that differ from the chart's defaults. `secret` has the login and the storage account's key."""
    probe = {"scheme": "HTTPS"}
    return {
        "env": {
            "open": {
                "STORAGE": "microsoft",
                "STORAGE_MICROSOFT_CONTAINER": storage.container,
                "AZURE_STORAGE_ACCOUNT": storage.account,
                "CHART_URL": url,
                "DISABLE_API": False,  # the default, true, refuses uploads
                "ENABLE_METRICS": True,
                "TLS_CERT": "/tls/tls.crt",
                "TLS_KEY": "/tls/tls.key",
            },
            "existingSecret": secret,
            "existingSecretMappings": {
                "BASIC_AUTH_USER": "user",
                "BASIC_AUTH_PASS": "password",
                "AZURE_STORAGE_ACCESS_KEY": "account-key",
            },
        },
        "deployment": {
            "extraVolumes": [
                {"name": "tls", "secret": {"secretName": CERTIFICATE, "defaultMode": 0o440}},
                {"name": "tmp", "emptyDir": {}},  # buffer for uploads
            ],
            "extraVolumeMounts": [
                {"name": "tls", "mountPath": "/tls", "readOnly": True},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
            ],
        },
        "podAnnotations": {"checksum/config": config_checksum},
        "probes": {"livenessHttpGetConfig": probe, "readinessHttpGetConfig": probe},
        "containerSecurityContext": {
            **RESTRICTED_CONTAINER,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": resources(settings.memory, cpu="50m"),
    }
