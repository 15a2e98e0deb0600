"""ChartMuseum: Helm charts that pipelines publish, kept in the stack's storage account."""

from typing import Any, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, ResourceOptions
from pydantic import Field

from components.authority import Trust, server_certificate
from components.charts import Chart
from components.custom import custom
from components.generated import password
from components.helm import ready, release
from components.job import CLOSED, USER, stamp_of
from components.model import Epoch, Model, Quantity
from components.pods import resources
from components.public_host import Host, Tls, publish

PORT = 8080
SERVER = "chartmuseum.chartmuseum.svc"
CERTIFICATE = "chartmuseum-tls"


class ChartMuseumSettings(Model):
    """ChartMuseum, which keeps Helm charts."""

    user: str = Field(default="charts", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Whose login fetches and publishes charts; nobody gets in without. Its password is generated."""
    rotation: Epoch = "2026-11"
    """Month of the password. A later one makes a new one; the old stops being good then."""
    memory: Quantity = "512Mi"
    """Of its pod, which keeps the index of all charts."""


class Container(NamedTuple):
    """Where the charts are kept. ChartMuseum knows no identity, so it has the account's key."""

    account: Input[str]
    name: Input[str]
    key: Output[str]


def values(
    settings: ChartMuseumSettings, *, url: str, container: Container, secret: Input[str], stamp: Input[str]
) -> dict[str, Any]:
    """What differs from the chart's defaults. `secret` has the login and the account's key."""
    probe = {"scheme": "HTTPS"}
    return {
        "env": {
            "open": {
                "STORAGE": "microsoft",
                "STORAGE_MICROSOFT_CONTAINER": container.name,
                "AZURE_STORAGE_ACCOUNT": container.account,
                "CHART_URL": url,
                "DISABLE_API": False,  # or else nobody could publish
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
        # It reads its certificate when it starts: Azure's weekly node images move it long before the end.
        "deployment": {
            "extraVolumes": [
                {"name": "tls", "secret": {"secretName": CERTIFICATE, "defaultMode": 0o440}},
                {"name": "tmp", "emptyDir": {}},  # what is uploaded may go through a file
            ],
            "extraVolumeMounts": [
                {"name": "tls", "mountPath": "/tls", "readOnly": True},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
            ],
        },
        "podAnnotations": {"platform/stamp": stamp},
        "probes": {"livenessHttpGetConfig": probe, "readinessHttpGetConfig": probe},
        "containerSecurityContext": {
            **CLOSED,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": resources(settings.memory, cpu="50m"),
    }


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
