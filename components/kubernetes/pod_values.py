"""How charts are told of their pods: what they need, where they go, and when they may be moved."""

from typing import Any

from pulumi import Input


def budget(replicas: int) -> dict[str, Any]:
    """One may go at a time; one that is alone may always."""
    return {"enabled": replicas > 1, "minAvailable": max(replicas - 1, 0)}


def resources(memory: str, *, cpu: str) -> dict[str, Any]:
    """Memory is what is asked for and no more; a limit of CPU would only make things slow."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def spread(app: str) -> list[dict[str, Any]]:
    """Over zones, as far as there are nodes."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": app}},
        }
    ]


def claim(disk: Input[str], size_gb: int) -> dict[str, Any]:
    """A disk for each pod, as the operator's kinds write it."""
    size = {"requests": {"storage": f"{size_gb}Gi"}}
    spec = {"storageClassName": disk, "accessModes": ["ReadWriteOnce"], "resources": size}
    return {"volumeClaimTemplate": {"spec": spec}}
