"""Vault's configuration, and the values of its chart."""

from collections.abc import Mapping
from typing import Any

from pulumi import Input

from components.kubernetes.charts import PYTHON_IMAGE
from components.kubernetes.job import RESTRICTED_CONTAINER
from components.kubernetes.pod_values import resources
from components.kubernetes.priority import FOUNDATION
from components.vault.settings import VaultServerSettings

PORT = 8200
TLS_FOLDER = "/vault/userconfig/tls"
AUDIT_LOG = "/vault/audit/audit.log"
DNS_NAMES = (
    "localhost",
    *(f"vault{which}{suffix}" for which in ("", "-active") for suffix in ("", ".vault", ".vault.svc")),
    *(f"*.vault-internal{suffix}" for suffix in ("", ".vault", ".vault.svc")),
)
ACTIVE = "vault-active.vault.svc"
"""Service of the active server. Standbys forward requests to it."""


def configuration(consul: str, *, proxies: str) -> str:
    """Vault's configuration file. The seal's parameters and Consul's token are environment variables.

    `proxies` is the range of Traefik's pods: in the audit log a request from there has its client's address.
    Requests without that header, or from elsewhere, are served and have their own.
    """
    return f"""\
ui = true
listener "tcp" {{
  address            = "[::]:{PORT}"
  cluster_address    = "[::]:8201"
  tls_cert_file      = "{TLS_FOLDER}/tls.crt"
  tls_key_file       = "{TLS_FOLDER}/tls.key"
  tls_client_ca_file = "{TLS_FOLDER}/ca.crt"
  x_forwarded_for_authorized_addrs      = "{proxies}"
  x_forwarded_for_reject_not_present    = false
  x_forwarded_for_reject_not_authorized = false
  telemetry {{
    unauthenticated_metrics_access = true
  }}
}}
storage "consul" {{
  address     = "{consul}"
  scheme      = "https"
  tls_ca_file = "{TLS_FOLDER}/ca.crt"
  path        = "vault/"
}}
seal "azurekeyvault" {{}}
service_registration "kubernetes" {{}}
telemetry {{
  prometheus_retention_time = "2m"
  disable_hostname          = true
}}
"""


def values(  # noqa: PLR0913 (named, and each an input)
    settings: VaultServerSettings,
    *,
    config: Input[str],
    environment: Mapping[str, Input[str]],
    certificate: Input[str],
    token: Input[str],
    token_checksum: Input[str],
    keeper: Input[str],
    client_id: Input[str],
    disks: Input[str],
) -> dict[str, Any]:
    """Values that differ from the chart's defaults. `token_checksum` is that of Consul's token in `token`."""
    alive = "/v1/sys/health?standbyok=true&uninitcode=204"
    files = {"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True}
    return {
        "global": {"tlsDisable": False},
        "injector": {"enabled": False},
        "server": {
            "logFormat": "json",
            "priorityClassName": FOUNDATION,
            # A changed configuration restarts the servers one by one, each after the previous is unsealed.
            "updateStrategyType": "RollingUpdate",
            "includeConfigAnnotation": True,
            "annotations": {"checksum/consul-token": token_checksum},  # the servers read it at start only
            # A server lost with its node keeps its label vault-active until its pod is deleted. By default it
            # would stay an endpoint of the Service vault-active (hashicorp/vault-helm#817).
            "service": {"publishNotReadyAddresses": False},
            # An uninitialised server counts as ready; otherwise the release would wait for the init Job.
            "readinessProbe": {"path": alive},
            "livenessProbe": {"enabled": True, "path": f"{alive}&sealedcode=204"},
            "authDelegator": {"enabled": False},
            "extraLabels": {"azure.workload.identity/use": "true"},
            "serviceAccount": {"annotations": {"azure.workload.identity/client-id": client_id}},
            "extraEnvironmentVars": dict(environment),
            "extraSecretEnvironmentVars": [
                {"envName": "CONSUL_HTTP_TOKEN", "secretName": token, "secretKey": "token"}
            ],
            "volumes": [
                {"name": "tls", "secret": {"secretName": certificate, "defaultMode": 0o440}},
                {"name": "keeper", "configMap": {"name": keeper}},
            ],
            "volumeMounts": [files],
            "dataStorage": {"enabled": False},
            "auditStorage": {"enabled": True, "size": settings.audit_storage, "storageClass": disks},
            "resources": resources(settings.memory, cpu="100m"),
            "statefulSet": {"securityContext": {"container": CONTAINER_SECURITY_CONTEXT}},
            "topologySpreadConstraints": [SPREAD],
            "terminationGracePeriodSeconds": 30,
            "shareProcessNamespace": True,
            "extraContainers": [
                {
                    "name": "keeper",
                    "image": str(PYTHON_IMAGE),
                    "command": ["python", "-B", "-u", "/keeper/vault_keeper.py"],
                    "env": [
                        {"name": "CERTIFICATE", "value": f"{TLS_FOLDER}/tls.crt"},
                        {"name": "AUDIT_LOG", "value": AUDIT_LOG},
                    ],
                    "securityContext": CONTAINER_SECURITY_CONTEXT | RESTRICTED_CONTAINER,
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
                    "volumeMounts": [
                        files,
                        {"name": "keeper", "mountPath": "/keeper", "readOnly": True},
                        {"name": "audit", "mountPath": "/vault/audit"},
                    ],
                }
            ],
            "ha": {
                "enabled": True,
                "replicas": settings.replicas,
                "config": config,
                "disruptionBudget": {"enabled": settings.replicas > 1, "maxUnavailable": 1},
            },
        },
    }


CONTAINER_SECURITY_CONTEXT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "vault", "component": "server"}},
}
