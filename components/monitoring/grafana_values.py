"""What Grafana is told, as its chart takes it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pulumi import Input

from components.kubernetes.pod_values import resources
from components.monitoring.settings import GrafanaSettings

PORT = 3000
DASHBOARD = {"grafana_dashboard": "1"}
"""By this label Grafana finds dashboards, those that come with Prometheus too."""
FOLDER = "grafana_folder"


class DataSource(NamedTuple):
    """Where Grafana reads: a data source, in Grafana's own words."""

    name: str
    kind: str
    url: Input[str]
    data: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    user: str = ""
    password: Input[str] = ""
    ca_pem: Input[str] = ""

    @property
    def uid(self) -> str:
        """By this dashboards name it."""
        return self.name.lower()

    @property
    def variable(self) -> str:
        """Of Grafana's environment, with the password."""
        return f"{self.name.upper()}_PASSWORD"


def values(  # noqa: PLR0913 (named, and each an input)
    settings: GrafanaSettings,
    *,
    url: str,
    tenant: str,
    client_id: Input[str],
    sources: Iterable[DataSource],
    disk: Input[str],
    secret: Input[str],
    certificate: Input[str],
    stamp: Input[str],
) -> dict[str, Any]:
    """What differs from the chart's defaults. `secret` and `certificate` are Secrets."""
    sources = list(sources)
    entra = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
    keys = {"GF_AUTH_AZUREAD_CLIENT_SECRET": "client-secret", "GF_SECURITY_SECRET_KEY": "secret-key"}
    keys |= {source.variable: source.variable for source in sources if source.user}
    probe = {"httpGet": {"scheme": "HTTPS"}}
    return {
        "deploymentStrategy": {"type": "Recreate"},  # a second pod would wait for the disk for ever
        "admin": {"existingSecret": secret, "userKey": "admin-user", "passwordKey": "admin-password"},
        "envValueFrom": {
            variable: {"secretKeyRef": {"name": secret, "key": key}} for variable, key in keys.items()
        },
        "persistence": {
            "enabled": True,
            "storageClassName": disk,
            "size": f"{settings.disk_gb}Gi",
        },
        "initChownData": {"enabled": False},  # would run as root; the disk is the group's anyway
        "resources": resources(settings.memory, cpu="100m"),
        "podAnnotations": {"checksum/config": stamp},
        "extraSecretMounts": [
            {"name": "tls", "mountPath": "/tls", "secretName": certificate, "readOnly": True}
        ],
        "service": {"port": PORT},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "serviceAccount": {"create": False, "name": "grafana"},
        "rbac": {"create": False},  # the chart's may read every Secret of the namespace
        "testFramework": {"enabled": False},
        "grafana.ini": {
            "server": {
                "root_url": url,
                "protocol": "https",
                "cert_file": "/tls/tls.crt",
                "cert_key": "/tls/tls.key",
                "certs_watch_interval": "1h",  # cert-manager renews them
            },
            "auth": {"disable_login_form": True, "oauth_allow_insecure_email_lookup": False},
            "auth.azuread": {
                "enabled": True,
                "name": "Entra",
                "allow_sign_up": True,
                "client_id": client_id,
                "scopes": "openid email profile",
                "auth_url": f"{entra}/authorize",
                "token_url": f"{entra}/token",
                "allowed_organizations": tenant,
                "role_attribute_strict": True,  # who has no role does not get in
                "use_pkce": True,
            },
            "security": {"cookie_secure": True},
            "users": {"allow_sign_up": False},
            "unified_alerting": {"enabled": False},  # Prometheus alerts, by rules that are tested
            "analytics": {"reporting_enabled": False, "check_for_updates": False},
            "plugins": {"preinstall_disabled": True},  # what it would fetch from grafana.com
        },
        "datasources": {
            "datasources.yaml": {
                "apiVersion": 1,
                "prune": True,
                "datasources": [_source(source, first=source is sources[0]) for source in sources],
            }
        },
        "sidecar": {
            "resources": resources("128Mi", cpu="10m"),
            "dashboards": {
                "enabled": True,
                "labelValue": "1",
                "resource": "configmap",
                "folderAnnotation": FOLDER,
                "skipReload": True,  # Grafana looks by itself, and the sidecar needs no password
                "provider": {"foldersFromFilesStructure": True},
            },
        },
    }


def _source(source: DataSource, *, first: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": source.name,
        "uid": source.uid,
        "type": source.kind,
        "access": "proxy",
        "url": source.url,
        "isDefault": first,
        "jsonData": dict(source.data),
    }
    secrets: dict[str, Input[str]] = {}
    if source.user:
        # InfluxDB's plugin has a user of its own, others take HTTP's.
        basic = source.kind != "influxdb"
        found |= {"basicAuth": True, "basicAuthUser": source.user} if basic else {"user": source.user}
        secrets["basicAuthPassword" if basic else "password"] = f"${source.variable}"
    if source.ca_pem:
        found["jsonData"]["tlsAuthWithCACert"] = True
        secrets["tlsCACert"] = source.ca_pem
    return found | ({"secureJsonData": secrets} if secrets else {})
