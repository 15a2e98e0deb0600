"""Values of the charts of Elasticsearch's operator, Elasticsearch, Kibana and fluent-bit."""

from pathlib import Path
from typing import Any

from pulumi import Input

from components.kubernetes.job import RESTRICTED_CONTAINER
from components.kubernetes.pod_values import claim, resources, spread
from components.logging.settings import ElasticsearchSettings, KibanaSettings
from components.logging.users import AUDIT, CONTAINERS, USERS, Access

CLUSTER = "logging"
ELASTICSEARCH = f"{CLUSTER}-es-http.logging.svc"
ELASTICSEARCH_PORT = 9200
KIBANA = f"{CLUSTER}-kb-http.logging.svc"
KIBANA_PORT = 5601
PIPELINE = Path(__file__).parent / "fluent-bit"
CA_FOLDER = "/elasticsearch"
POD_LABELS = {"elasticsearch.k8s.elastic.co/cluster-name": CLUSTER}
POD_SECURITY_CONTEXT = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "fsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Pod security context for Elastic's images. The operator sets the containers' security contexts as the level
`restricted` requires."""


def operator(*, monitors: Input[bool]) -> dict[str, Any]:
    """Values of the operator, limited to one namespace."""
    return {
        "managedNamespaces": ["logging"],
        "resources": {**resources("512Mi", cpu="100m"), "limits": {"cpu": None, "memory": "512Mi"}},
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "telemetry": {"disabled": True},
        "config": {"metrics": {"port": "8080"}},
        "podMonitor": {"enabled": monitors},
    }


def elasticsearch(
    settings: ElasticsearchSettings, *, disk: Input[str], certificate: Input[str], users: Access
) -> dict[str, Any]:
    """Values of the Elasticsearch cluster. `disk` names a storage class, `certificate` a Secret."""
    elsewhere = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": POD_LABELS},
    }
    zone = {"fieldPath": "metadata.annotations['topology.kubernetes.io/zone']"}
    container = {
        "name": "elasticsearch",
        "env": [{"name": "ZONE", "valueFrom": {"fieldRef": zone}}],
        "resources": resources(settings.memory, cpu="500m"),
    }
    return {
        "fullnameOverride": CLUSTER,
        "annotations": {"eck.k8s.elastic.co/downward-node-labels": "topology.kubernetes.io/zone"},
        "http": {"tls": {"certificate": {"secretName": certificate}}},
        "auth": {
            "disableElasticUser": True,  # it has all privileges, and its password never rotates
            "fileRealm": [{"secretName": users.secrets[user]} for user in USERS],
            "roles": [{"secretName": users.roles}],
        },
        # Otherwise the data is deleted together with the Elasticsearch object.
        "volumeClaimDeletePolicy": "DeleteOnScaledownOnly",
        "updateStrategy": {"changeBudget": {"maxUnavailable": 1, "maxSurge": 0}},
        # The operator's default forbids eviction while any replica is missing, so nodes could not be drained.
        "podDisruptionBudget": {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": POD_LABELS}}},
        "nodeSets": [
            {
                "name": "default",
                "count": settings.nodes,
                "config": {
                    "node.store.allow_mmap": False,  # otherwise the node's kernel settings must change
                    "node.attr.zone": "${ZONE}",
                    "cluster.routing.allocation.awareness.attributes": "k8s_node_name,zone",
                },
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "elasticsearch-data"},
                        **claim(disk, settings.disk_gb)["volumeClaimTemplate"],
                    }
                ],
                "podTemplate": {
                    "spec": {
                        "securityContext": POD_SECURITY_CONTEXT,
                        "automountServiceAccountToken": False,
                        "affinity": {
                            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [elsewhere]}
                        },
                        "containers": [container],
                    }
                },
            }
        ],
    }


def kibana(settings: KibanaSettings, *, url: str, certificate: Input[str]) -> dict[str, Any]:
    """Values of Kibana. `certificate` names a Secret."""
    labels = {"kibana.k8s.elastic.co/name": CLUSTER}
    spreading = [{**each, "labelSelector": {"matchLabels": labels}} for each in spread("kibana")]
    return {
        "fullnameOverride": CLUSTER,
        "count": settings.replicas,
        "elasticsearchRef": {"name": CLUSTER},
        "http": {"tls": {"certificate": {"secretName": certificate}}},
        "config": {"server.publicBaseUrl": url, "telemetry.optIn": False},
        "podTemplate": {
            "spec": {
                "securityContext": POD_SECURITY_CONTEXT,
                "automountServiceAccountToken": False,
                "topologySpreadConstraints": spreading,
                # Kibana does not start with less than 2 GiB.
                "containers": [{"name": "kibana", "resources": resources("2Gi", cpu="250m")}],
            }
        },
    }


def fluent_bit(
    *,
    login: Input[str],
    ca: Input[str],
    config_checksum: Input[str],
    monitors: Input[bool],
    vault: bool = True,
) -> dict[str, Any]:
    """Values of fluent-bit, which reads the nodes' logs. `login` names a Secret, `ca` a ConfigMap.

    `vault` is whether there is an audit log of Vault.
    """

    def text(name: str) -> str:
        return (PIPELINE / f"{name}.conf").read_text(encoding="utf-8")

    return {
        "tolerations": [{"operator": "Exists"}],  # every node has logs
        "priorityClassName": "system-node-critical",
        "testFramework": {"enabled": False},  # its pod uses an unpinned image
        "podAnnotations": {"checksum/config": config_checksum},
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        # Runs as root, which owns the log files, but without root's capabilities.
        "securityContext": RESTRICTED_CONTAINER,
        "env": [
            {"name": "ES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": login, "key": "password"}}},
        ],
        "extraVolumes": [{"name": "elasticsearch", "configMap": {"name": ca}}],
        "extraVolumeMounts": [{"name": "elasticsearch", "mountPath": CA_FOLDER, "readOnly": True}],
        "resources": resources("256Mi", cpu="50m"),
        "serviceMonitor": {"enabled": monitors},
        "config": {
            "service": text("service"),
            "inputs": text("inputs"),
            "filters": text("filters") + (text("filters-vault") if vault else ""),
            "outputs": "".join(
                text("output")
                .replace("MATCH", match)
                .replace("STREAM", stream)
                .replace("HOST", ELASTICSEARCH)
                for match, stream in (("kube.*", CONTAINERS), ("audit.*", AUDIT))
            ),
        },
    }
