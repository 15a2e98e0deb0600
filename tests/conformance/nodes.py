"""Nodes that only say that they run: the pools of a stack, and the autoscaler that adds nodes to them."""

from typing import Any, NamedTuple

from components.azure.aks.node_pools import labels_and_taints
from components.azure.aks.pool_settings import NodePool, SystemPool
from components.concourse.worker_values import GIB_PER_CORE, cores
from deploy.stack_file import settings
from tests.conformance.cluster import Manifest
from tests.test_room import AKS_DAEMONS, allocatable

ZONE = "topology.kubernetes.io/zone"
POOL = "kubernetes.azure.com/agentpool"


class Pool(NamedTuple):
    """A pool of a stack, with the labels and taints that AKS gives its nodes."""

    name: str
    size: SystemPool
    labels: dict[str, str]
    taints: list[dict[str, str]]
    location: str

    def node(self, number: int) -> Manifest:
        """Its node; the zones take turns."""
        name, room = f"aks-{self.name}-{number}", allocatable(self.size)
        zones = [f"{self.location}-{zone}" for zone in self.size.zones] or ["0"]
        count = cores(self.size.vm_size)
        gib = count * GIB_PER_CORE[self.size.vm_size.removeprefix("Standard_")[0]]
        more = {"pods": str(self.size.max_pods), "ephemeral-storage": f"{self.size.os_disk_size_gb}Gi"}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "node.kubernetes.io/instance-type": self.size.vm_size,
                    "topology.kubernetes.io/region": self.location,
                    ZONE: zones[number % len(zones)],
                    POOL: self.name,
                    **self.labels,
                },
            },
            "spec": {"taints": self.taints},
            "status": {
                "capacity": {"cpu": str(count), "memory": f"{gib}Gi", **more},
                "allocatable": {
                    "cpu": f"{int(room.cpu) - AKS_DAEMONS[0]}m",
                    "memory": f"{int(room.memory) - AKS_DAEMONS[1]}Mi",
                    **more,
                },
            },
        }


def pools(stack: str) -> list[Pool]:
    """The pools of a stack's settings; the system pool is first."""
    found = settings(stack)
    cluster, location = found.cluster, found.azure.location
    critical = ["CriticalAddonsOnly=true:NoSchedule"] if cluster.platform_pools else []
    mode = "kubernetes.azure.com/mode"
    made = [
        Pool("system", cluster.system_pool, {mode: "system"}, [*map(taint, critical)], location),
    ]
    separate: list[NodePool] = [*cluster.platform_pools, *cluster.worker_pools]
    for pool in separate:
        labels, taints = labels_and_taints(pool)
        made.append(Pool(pool.name, pool, {mode: "user", **labels}, [*map(taint, taints)], location))
    return made


def taint(text: str) -> dict[str, str]:
    given, _, effect = text.rpartition(":")
    key, _, value = given.partition("=")
    return {"key": key, "value": value, "effect": effect}


def may_run(pod: Any, pool: Pool) -> bool:
    """Whether the pool's nodes have what the pod selects, and the pod tolerates their taints."""
    spec = pod["spec"]
    labels = pool.node(0)["metadata"]["labels"]
    tolerated = {each.get("key") for each in spec.get("tolerations") or ()}
    return (spec.get("nodeSelector") or {}).items() <= labels.items() and not [
        each for each in pool.taints if each["key"] not in tolerated and None not in tolerated
    ]
