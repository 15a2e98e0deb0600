"""Parts of chart values: resources, spreading, disruption budgets, volume claims."""

from typing import Any

from pulumi import Input


def budget(replicas: int) -> dict[str, Any]:
    """One pod may be unavailable at a time. A single pod has no budget: it would block its node's drain."""
    return {"enabled": replicas > 1, "minAvailable": max(replicas - 1, 0)}


def resources(memory: str, *, cpu: str) -> dict[str, Any]:
    """Memory request and limit are equal. There is no CPU limit: it would only throttle."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def spread(app: str) -> list[dict[str, Any]]:
    """Spread over zones, as far as nodes allow."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": app}},
        }
    ]


def claim(disk: Input[str], size_gb: int) -> dict[str, Any]:
    """A volume claim template for each pod, as the custom resources of operators have it."""
    size = {"requests": {"storage": f"{size_gb}Gi"}}
    spec = {"storageClassName": disk, "accessModes": ["ReadWriteOnce"], "resources": size}
    return {"volumeClaimTemplate": {"spec": spec}}
