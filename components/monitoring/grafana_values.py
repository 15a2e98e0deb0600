"""Values of Grafana's chart."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pulumi import Input

from components.kubernetes.pod_values import resources
from components.monitoring.settings import GrafanaSettings

PORT = 3000
DASHBOARD = {"grafana_dashboard": "1"}
"""Label by which Grafana finds dashboards, including those of Prometheus' chart."""
FOLDER = "grafana_folder"


class DataSource(NamedTuple):
    """A Grafana data source, described in Grafana's terms."""

    name: str
    type: str
    url: Input[str]
    json_data: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    user: str = ""
    password: Input[str] = ""
    ca_pem: Input[str] = ""

    @property
    def uid(self) -> str:
        """Identifier that dashboards use for the data source."""
        return self.name.lower()

    @property
    def variable(self) -> str:
        """Environment variable of Grafana that holds the password."""
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
    account: Input[str],
    certificate: Input[str],
    config_checksum: Input[str],
) -> dict[str, Any]:
    """Values that differ from the chart's defaults.

    `secret` and `certificate` name Secrets, `account` a service account.
    """
    sources = list(sources)
    entra = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
    keys = {"GF_AUTH_AZUREAD_CLIENT_SECRET": "client-secret", "GF_SECURITY_SECRET_KEY": "secret-key"}
    keys |= {source.variable: source.variable for source in sources if source.user}
    probe = {"httpGet": {"scheme": "HTTPS"}}
    return {
        "deploymentStrategy": {"type": "Recreate"},  # a second pod would wait for the disk forever
        "admin": {"existingSecret": secret, "userKey": "admin-user", "passwordKey": "admin-password"},
        "envValueFrom": {
            variable: {"secretKeyRef": {"name": secret, "key": key}} for variable, key in keys.items()
        },
        "persistence": {
            "enabled": True,
            "storageClassName": disk,
            "size": f"{settings.disk_gb}Gi",
        },
        "initChownData": {"enabled": False},  # would run as root; the group owns the disk anyway
        "resources": resources(settings.memory, cpu="100m"),
        "podAnnotations": {"checksum/config": config_checksum},
        "extraSecretMounts": [
            {"name": "tls", "mountPath": "/tls", "secretName": certificate, "readOnly": True}
        ],
        "service": {"port": PORT},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "serviceAccount": {"create": False, "name": account},
        "rbac": {"create": False},  # the chart's role may read every Secret in the namespace
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
                "role_attribute_strict": True,  # people without a role cannot log in
                "use_pkce": True,
            },
            "security": {"cookie_secure": True},
            "users": {"allow_sign_up": False},
            "unified_alerting": {"enabled": False},  # Prometheus sends alerts, from tested rules
            "analytics": {"reporting_enabled": False, "check_for_updates": False},
            "plugins": {"preinstall_disabled": True},  # it would download them from grafana.com
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
                "skipReload": True,  # Grafana polls for changes, so the sidecar needs no password
                "provider": {"foldersFromFilesStructure": True},
            },
        },
    }


def _source(source: DataSource, *, first: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": source.name,
        "uid": source.uid,
        "type": source.type,
        "access": "proxy",
        "url": source.url,
        "isDefault": first,
        "jsonData": dict(source.json_data),
    }
    secrets: dict[str, Input[str]] = {}
    if source.user:
        # InfluxDB's plugin has its own user field; the others use HTTP basic authentication.
        basic = source.type != "influxdb"
        found |= {"basicAuth": True, "basicAuthUser": source.user} if basic else {"user": source.user}
        secrets["basicAuthPassword" if basic else "password"] = f"${source.variable}"
    if source.ca_pem:
        found["jsonData"]["tlsAuthWithCACert"] = True
        secrets["tlsCACert"] = source.ca_pem
    return found | ({"secureJsonData": secrets} if secrets else {})
