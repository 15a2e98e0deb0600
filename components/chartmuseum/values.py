"""Values of ChartMuseum's chart."""

from typing import Any, NamedTuple

from pulumi import Input, Output

from components.chartmuseum.settings import ChartMuseumSettings
from components.kubernetes.job import RESTRICTED_CONTAINER, USER
from components.kubernetes.pod_values import resources

PORT = 8080
SERVER = "chartmuseum.chartmuseum.svc"
CERTIFICATE = "chartmuseum-tls"


class ChartStorage(NamedTuple):
    """The blob container for charts. ChartMuseum needs its key: it does not support workload identity."""

    account: Input[str]
    container: Input[str]
    key: Output[str]


def values(
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
        # ChartMuseum reads its certificate at start only. Weekly node image updates restart it before expiry.
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
