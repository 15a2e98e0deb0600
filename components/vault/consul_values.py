"""Values of Consul's chart."""

import json
from typing import Any

from pulumi import Input

from components.kubernetes.priority import FOUNDATION
from components.vault.settings import ConsulSettings

DATACENTER = "platform"
SERVICE = "consul-server"
PORT = 8501
DNS_NAMES = (
    "localhost",
    f"server.{DATACENTER}.consul",  # servers verify each other by this name
    *(f"{prefix}{SERVICE}{suffix}" for prefix in ("", "*.") for suffix in ("", ".consul", ".consul.svc")),
)


def values(
    settings: ConsulSettings,
    *,
    certificate: Input[str],
    gossip: Input[str],
    bootstrap: Input[str],
    disks: Input[str],
) -> dict[str, Any]:
    """Values that differ from the chart's defaults."""
    return {
        "global": {
            "name": "consul",
            "datacenter": DATACENTER,
            "logJSON": True,
            "tls": {
                "enabled": True,
                "httpsOnly": True,
                "enableAutoEncrypt": False,
                "caCert": {"secretName": certificate, "secretKey": "ca.crt"},
            },
            "gossipEncryption": {"autoGenerate": False, "secretName": gossip, "secretKey": "key"},
            "acls": {
                "manageSystemACLs": True,
                "bootstrapToken": {"secretName": bootstrap, "secretKey": "token"},
            },
            "metrics": {
                "enabled": True,
                "enableAgentMetrics": True,
                "disableAgentHostName": True,
            },
        },
        "server": {
            "replicas": settings.replicas,
            "storage": settings.storage,
            "storageClass": disks,
            "priorityClassName": FOUNDATION,
            "connect": False,
            "serverCert": {"secretName": certificate},
            # Loads a renewed certificate without a restart.
            "extraConfig": json.dumps({"auto_reload_config": True}),
            "resources": {
                "requests": {"cpu": "100m", "memory": settings.memory},
                # Removes the chart's CPU limit of 100m.
                "limits": {"cpu": None, "memory": settings.memory},
            },
            "disruptionBudget": {"enabled": settings.replicas > 1, "maxUnavailable": 1},
            "topologySpreadConstraints": SPREAD,
        },
        "client": {"enabled": False},
        "connectInject": {"enabled": False},
        "dns": {"enabled": False},
        "ui": {"enabled": False},
    }


SPREAD = """\
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {app: consul, release: consul, component: server}
"""
