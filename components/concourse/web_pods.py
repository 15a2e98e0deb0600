"""How Concourse's web nodes run: how many, where, and how new ones take over."""

from collections.abc import Mapping
from typing import Any

from pulumi import Input

from components.concourse.settings import ConcourseSettings

Values = dict[str, Any]
WEB = "concourse-web"
"""What the chart calls the web nodes of the release `concourse`: Deployment, Service, Secret, label app."""
EXTRA = {
    "CONCOURSE_DEFAULT_TASK_CACHE_TTL": "168h",
}
"""What Concourse knows and the chart does not."""


def pods(
    settings: ConcourseSettings, checksum: Input[str], nodes: Mapping[str, str], *, vault: bool
) -> Values:
    """The chart's values below `web`."""
    web = settings.web
    extra = EXTRA | ({"CONCOURSE_VAULT_ENABLE_KV_MOUNT_CACHE": "true"} if vault else {})
    return {
        "replicas": web.replicas,
        "strategy": {"strategy": _rollout(rotating=settings.encryption.rotating)},  # twice, in this chart
        "annotations": {"checksum/secrets": checksum},
        "resources": {
            "requests": {"cpu": web.cpu, "memory": web.memory},
            "limits": {"memory": web.memory_limit},
        },
        "nodeSelector": dict(nodes),
        # Leads to every node by its own address: each has numbers of its own.
        "service": {"prometheus": {"clusterIP": "None"}},
        "additionalAffinities": apart(WEB),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "env": [{"name": name, "value": value} for name, value in extra.items()],
    }


def _rollout(*, rotating: bool) -> Values:
    """New nodes before old ones go; but while the key changes no two nodes may run with different ones."""
    if rotating:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def apart(app: str) -> Values:
    """Pods of an app in different zones and on different nodes, where there are such."""
    where = {"topology.kubernetes.io/zone": 100, "kubernetes.io/hostname": 50}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": weight,
                    "podAffinityTerm": {
                        "topologyKey": key,
                        "labelSelector": {"matchLabels": {"app": app}},
                    },
                }
                for key, weight in where.items()
            ]
        }
    }
