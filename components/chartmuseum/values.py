"""The values of ChartMuseum's chart."""

from typing import Any, NamedTuple

from pulumi import Input, Output

from components.chartmuseum.settings import ChartMuseumSettings
from components.kubernetes.job import RESTRICTED_CONTAINER, USER
from components.kubernetes.pod_values import resources

PORT = 8080
SERVER = "chartmuseum.chartmuseum.svc"
CERTIFICATE = "chartmuseum-tls"


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
            **RESTRICTED_CONTAINER,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": resources(settings.memory, cpu="50m"),
    }
