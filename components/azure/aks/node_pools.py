"""Builds the Azure arguments for node pools from their settings."""

from typing import TypedDict

from pulumi import Input
from pulumi_azure_native import containerservice as aks

from components.azure.aks.pool_settings import (
    DEDICATED,
    DEDICATED_PLATFORM,
    DEDICATED_WORKERS,
    NodePool,
    SystemPool,
    WorkerPool,
)


class PoolArgs(TypedDict):
    """Arguments common to the system pool (part of the cluster resource) and all other pools."""

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
    local_dns_profile: "aks.LocalDNSProfileArgs"


def node_selector(pool: NodePool) -> dict[str, str]:
    """Node selector for pods that must run in this pool."""
    return {"kubernetes.azure.com/agentpool": pool.name}


def pool_args(pool: SystemPool, version: str, subnet: Input[str]) -> PoolArgs:
    """Arguments for a pool's nodes."""
    return {
        "type": "VirtualMachineScaleSets",
        # Same minor as the control plane. Azure picks the latest patch; a minor alone shows no diff.
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
        # On by default from Kubernetes 1.37. Pods would then ask an address of their node, which no network
        # policy allows (learn.microsoft.com/azure/aks/localdns-custom).
        "local_dns_profile": aks.LocalDNSProfileArgs(mode="Disabled"),
    }


def upgrades(pool: SystemPool) -> "aks.AgentPoolUpgradeSettingsArgs":
    """Upgrade settings: surge, and how nodes are drained."""
    settings = aks.AgentPoolUpgradeSettingsArgs
    if isinstance(pool, WorkerPool):
        # One node at a time, so that builds can finish. A node that cannot be drained is left cordoned.
        return settings(
            max_surge="1",
            drain_timeout_in_minutes=pool.drain_timeout_minutes,
            undrainable_node_behavior="Cordon",
        )
    return settings(max_surge="33%", drain_timeout_in_minutes=30)


def labels_and_taints(pool: NodePool) -> tuple[dict[str, str], list[str]]:
    """Labels and taints that separate worker nodes from those for other pods."""
    if isinstance(pool, WorkerPool):
        return {DEDICATED: DEDICATED_WORKERS}, [f"{DEDICATED}={DEDICATED_WORKERS}:NoSchedule"]
    return {DEDICATED: DEDICATED_PLATFORM}, []
