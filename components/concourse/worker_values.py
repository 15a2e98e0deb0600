"""Values of Concourse's chart for the workers of one pool that differ from its defaults."""

import re
from typing import Any

from pulumi import Input

from components.azure.aks import node_selector, tolerations
from components.azure.aks.pool_settings import WorkerPool
from components.concourse.web_values import BLANK_PUBLISHED_KEYS, image
from components.concourse.worker_settings import CONTAINER_RANGE, WorkerSettings
from components.kubernetes.charts import CONCOURSE_IMAGE
from components.kubernetes.network_policies import INTERNET_ACCESS

Values = dict[str, Any]
RESTRICTED_NETWORK = "169.254.169.254/32,168.63.129.16/32"
"""Addresses blocked for builds: the nodes' metadata endpoint, which hands out tokens for the node's identity,
and Azure's host agent."""

GIB_PER_CORE = {"D": 4, "E": 8, "F": 2, "L": 8}
"""GiB of memory for each core of a VM size, by its family
(learn.microsoft.com/azure/virtual-machines/sizes/overview)."""


def values(
    settings: WorkerSettings,
    pool: WorkerPool,
    *,
    account: Input[str],
    gateway: Input[str],
    secret_checksum: Input[str],
    scratch: Input[str],
) -> Values:
    """`gateway` is where workers register, `scratch` the storage class of disks deleted with their pods."""
    least = max(pool.min_nodes, 1)
    return {
        **image(),
        "concourse": {
            "enableServiceLinks": False,
            "worker": {
                "tsa": {"hosts": [gateway]},
                "runtime": "containerd",
                "containerd": {"networkPool": CONTAINER_RANGE},
                "baggageclaim": {"driver": settings.driver},
                "ephemeral": True,  # Concourse forgets a worker that disappears
                "connectionDrainTimeout": f"{settings.termination_grace_period_seconds}s",
                "rebalanceInterval": settings.rebalance_interval,
                "healthcheckTimeout": "40s",
                **({"team": pool.team} if pool.team else {}),
                **({"tag": ",".join(pool.tags)} if pool.tags else {}),
                **(_autoscaling(pool, least) if pool.max_nodes > least else {}),
            },
        },
        "web": {"enabled": False},
        "worker": {
            "kind": "StatefulSet",
            "replicas": least,
            "minAvailable": least - 1,  # otherwise the node of a single worker could not be drained
            "hardAntiAffinity": True,
            "terminationGracePeriodSeconds": settings.termination_grace_period_seconds,
            "cleanUpWorkDirOnStart": False,  # the directory is new and empty with each pod
            "labels": {INTERNET_ACCESS: pool.internet_access},
            "annotations": {
                "checksum/secrets": secret_checksum,
                # Keeps the autoscaler from removing a node with running builds.
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
            "nodeSelector": node_selector(pool),
            "tolerations": tolerations(pool),
            "resources": _resources(pool),
            "livenessProbe": {
                # Generous, so that a busy worker is not killed.
                "failureThreshold": 10,
                "initialDelaySeconds": 10,
                "periodSeconds": 60,
                "timeoutSeconds": 45,
                "httpGet": {"path": "/", "port": "worker-hc"},
            },
            "env": [
                {"name": "CONCOURSE_CONTAINERD_RESTRICTED_NETWORK", "value": RESTRICTED_NETWORK},
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                # A name of its own for each pod. Under an earlier pod's name Concourse would look for its
                # volumes, and builds would fail until it forgets them (concourse#2827).
                {"name": "CONCOURSE_NAME", "value": "$(POD_NAME)-$(POD_UID)"},
            ],
            # The worker sets up its network with legacy iptables. Nothing loads their module on a node with
            # Cilium (concourse/concourse#9449). Where the kernel has it built in, there is nothing to load.
            "extraInitContainers": [
                {
                    "name": "load-ip-tables",
                    "image": str(CONCOURSE_IMAGE),
                    "command": ["sh", "-c", "chroot /node modprobe ip_tables || true"],
                    "securityContext": {"privileged": True},
                    "volumeMounts": [{"name": "node", "mountPath": "/node", "readOnly": True}],
                }
            ],
            "additionalVolumes": [
                {"name": "concourse-work-dir", **_volume(settings, scratch)},
                {"name": "node", "hostPath": {"path": "/"}},
            ],
        },
        "persistence": {"enabled": False},  # the set's own claim would outlive its pod and tie it to a zone
        "postgresql": {"enabled": False, "service": {"enabled": False}},
        "rbac": {"create": False, "workerServiceAccountName": account},
        "secrets": {"create": False, **BLANK_PUBLISHED_KEYS},
    }


def _volume(settings: WorkerSettings, scratch: Input[str]) -> Values:
    size = f"{settings.volume_gb}Gi"
    if settings.volume == "node":
        return {"emptyDir": {"sizeLimit": size}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": scratch,
        "resources": {"requests": {"storage": size}},
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}


def cores(vm_size: str) -> int:
    """Cores of a VM size, taken from its name: 8 for Standard_D8ds_v5."""
    found = re.match(r"Standard_[A-Z]+([0-9]+)", vm_size)
    return int(found[1]) if found else 2


def _resources(pool: WorkerPool) -> Values:
    """Half of a node for a worker, and at most three quarters of its memory.

    Without a limit, builds that need more take the kubelet with them, and the node (concourse/hush-house#94).
    """
    count = cores(pool.vm_size)
    memory = count * GIB_PER_CORE.get(pool.vm_size.removeprefix("Standard_")[0], 4)
    return {
        "requests": {"cpu": f"{count * 500}m", "memory": f"{memory // 2}Gi"},
        "limits": {"memory": f"{memory * 3 // 4}Gi"},
    }


def _autoscaling(pool: WorkerPool, least: int) -> Values:
    """Add workers, and nodes for them, under load; remove them slowly: each finishes its builds first."""
    busy = {"type": "AverageValue", "averageValue": f"{cores(pool.vm_size) * 700}m"}
    slowly = {
        "stabilizationWindowSeconds": 1800,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}],
    }
    return {
        "autoscaling": {
            "minReplicas": least,
            "maxReplicas": pool.max_nodes,
            "behavior": {"scaleDown": slowly},
            "builtInMetrics": [{"type": "Resource", "resource": {"name": "cpu", "target": busy}}],
        }
    }
