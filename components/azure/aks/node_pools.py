"""The cluster's node pools: their settings, and the arguments that Azure takes for one."""

from typing import TypedDict

from pulumi import Input
from pulumi_azure_native import containerservice as aks

from components.azure.aks.pool_settings import DEDICATED, PLATFORM, WORKERS, NodePool, SystemPool, WorkerPool


class PoolArgs(TypedDict):
    """What is told alike of the system pool, which is inside the cluster, and of other pools."""

    type: str
    orchestrator_version: str
    os_type: str
    os_sku: str
    vm_size: str
    os_disk_type: str
    os_disk_size_gb: int
    kubelet_disk_type: str
    vnet_subnet_id: Input[str]
    availability_zones: list[str] | None
    enable_auto_scaling: bool
    count: int
    min_count: int
    max_count: int
    max_pods: int
    upgrade_settings: "aks.AgentPoolUpgradeSettingsArgs"


def node_selector(pool: NodePool) -> dict[str, str]:
    """The label of a pool's nodes, for pods that are to run there."""
    return {"kubernetes.azure.com/agentpool": pool.name}


def pool_args(pool: SystemPool, version: str, subnet: Input[str]) -> PoolArgs:
    """A pool's nodes."""
    return {
        "type": "VirtualMachineScaleSets",
        # As the control plane's. Azure puts on the latest patch, and takes no minor for a change.
        "orchestrator_version": version,
        "os_type": "Linux",
        "os_sku": "Ubuntu",
        "vm_size": pool.vm_size,
        "os_disk_type": pool.os_disk_type,
        "os_disk_size_gb": pool.os_disk_size_gb,
        "kubelet_disk_type": "OS",
        "vnet_subnet_id": subnet,
        "availability_zones": list(pool.zones) or None,
        "enable_auto_scaling": True,
        "count": pool.min_nodes,
        "min_count": pool.min_nodes,
        "max_count": pool.max_nodes,
        "max_pods": pool.max_pods,
        "upgrade_settings": upgrades(pool),
    }


def upgrades(pool: SystemPool) -> "aks.AgentPoolUpgradeSettingsArgs":
    """How nodes make way for newer ones."""
    settings = aks.AgentPoolUpgradeSettingsArgs
    if isinstance(pool, WorkerPool):
        # One at a time, and builds may finish. A node that does not empty waits for a person.
        return settings(
            max_surge="1",
            drain_timeout_in_minutes=pool.drain_timeout_minutes,
            undrainable_node_behavior="Cordon",
        )
    return settings(max_surge="33%", drain_timeout_in_minutes=30)


def labels_and_taints(pool: NodePool) -> tuple[dict[str, str], list[str]]:
    """The labels and taints that keep other pods off the workers' nodes, and workers off others."""
    if isinstance(pool, WorkerPool):
        return {DEDICATED: WORKERS}, [f"{DEDICATED}={WORKERS}:NoSchedule"]
    return {DEDICATED: PLATFORM}, []
