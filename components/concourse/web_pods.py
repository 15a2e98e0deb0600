"""Values for Concourse's web pods: replicas, placement and rollout."""

from collections.abc import Mapping
from typing import Any

from pulumi import Input

from components.concourse.settings import ConcourseSettings
from components.kubernetes.priority import FOUNDATION

Values = dict[str, Any]
WEB = "concourse-web"
"""Name that the chart gives to the Deployment, Service, Secret and label `app` of the release `concourse`."""
START_SECONDS = 1200
"""How long a web node may take to start, and its release. It migrates the database and re-encrypts its rows
before it listens (atc/db/migration); a migration that is killed starts again."""
LIVENESS = {
    # The chart has no startup probe. Its default kills a node that does not listen after 85 seconds.
    "initialDelaySeconds": START_SECONDS,
    "failureThreshold": 5,
    "periodSeconds": 15,
    "timeoutSeconds": 3,
    "httpGet": {"path": "/api/v1/info", "port": "atc"},
}
EXTRA_ENVIRONMENT = {
    "CONCOURSE_DEFAULT_TASK_CACHE_TTL": "168h",
}
"""Settings of Concourse that the chart does not support."""


def pods(
    settings: ConcourseSettings, secret_checksum: Input[str], nodes: Mapping[str, str], *, vault: bool
) -> Values:
    """The chart's values below `web`."""
    web = settings.web
    extra = EXTRA_ENVIRONMENT | ({"CONCOURSE_VAULT_ENABLE_KV_MOUNT_CACHE": "true"} if vault else {})
    return {
        "replicas": web.replicas,
        "priorityClassName": FOUNDATION,
        "strategy": {"strategy": _rollout(rotating=settings.encryption.rotating)},  # nested in the chart
        "annotations": {"checksum/secrets": secret_checksum},
        "livenessProbe": LIVENESS,
        "resources": {
            "requests": {"cpu": web.cpu, "memory": web.memory},
            "limits": {"memory": web.memory_limit},
        },
        "nodeSelector": dict(nodes),
        # Resolves to the address of every web node: each has metrics of its own.
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
    """Start new web nodes before stopping old ones, except in a key rotation: all must use the same key."""
    if rotating:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def apart(app: str) -> Values:
    """Prefer different zones and different nodes for the pods of an app."""
    weights = {"topology.kubernetes.io/zone": 100, "kubernetes.io/hostname": 50}
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
                for key, weight in weights.items()
            ]
        }
    }
