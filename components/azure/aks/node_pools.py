"""Builds the Azure arguments for node pools from their settings."""

import re
from typing import NotRequired, TypedDict

from pulumi import Input
from pulumi_azure_native import containerservice as aks

from components.azure.aks.pool_settings import (
    DEDICATED,
    DEDICATED_PLATFORM,
    DEDICATED_WORKERS,
    SPOT,
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
    upgrade_settings: "aks.AgentPoolUpgradeSettingsArgs | None"
    local_dns_profile: "aks.LocalDNSProfileArgs"
    scale_set_priority: NotRequired[str]
    scale_set_eviction_policy: NotRequired[str]
    spot_max_price: NotRequired[float]


def node_selector(pool: NodePool) -> dict[str, str]:
    """Node selector for pods that must run in this pool."""
    return {"kubernetes.azure.com/agentpool": pool.name}


def pool_args(pool: SystemPool, version: str, subnet: Input[str]) -> PoolArgs:
    """Arguments for a pool's nodes."""
    args: PoolArgs = {
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
    if isinstance(pool, WorkerPool) and pool.priority == "Spot":
        args["scale_set_priority"] = "Spot"
        args["scale_set_eviction_policy"] = "Delete"  # a stopped node would still count against the quota
        args["spot_max_price"] = -1  # up to the price of a regular node, so never evicted for the price
    return args


def upgrades(pool: SystemPool) -> "aks.AgentPoolUpgradeSettingsArgs | None":
    """Upgrade settings: surge, and how nodes are drained."""
    settings = aks.AgentPoolUpgradeSettingsArgs
    if isinstance(pool, WorkerPool):
        if pool.priority == "Spot":  # AKS refuses a surge, and drains none (learn, spot-node-pool)
            return None
        # One node at a time, so that builds can finish. A node that cannot be drained is left cordoned.
        return settings(
            max_surge="1",
            drain_timeout_in_minutes=pool.drain_timeout_minutes,
            undrainable_node_behavior="Cordon",
        )
    return settings(max_surge="33%", drain_timeout_in_minutes=30)


def labels_and_taints(pool: NodePool) -> tuple[dict[str, str], list[str]]:
    """Labels and taints that separate worker nodes from those for other pods."""
    if not isinstance(pool, WorkerPool):
        return pool.labels | {DEDICATED: DEDICATED_PLATFORM}, []
    labels = pool.labels | {DEDICATED: DEDICATED_WORKERS}
    taints = [f"{DEDICATED}={DEDICATED_WORKERS}:NoSchedule", *pool.taints]
    if pool.priority == "Spot":  # AKS adds both; without them here, every refresh would take them away
        return labels | {SPOT: "spot"}, [*taints, f"{SPOT}=spot:NoSchedule"]
    return labels, taints


def tolerations(pool: WorkerPool) -> list[dict[str, str]]:
    """Tolerations of the pods that run in a worker pool."""
    _, taints = labels_and_taints(pool)
    parts = [re.split("[=:]", taint) for taint in taints]
    return [
        {"key": key, "operator": "Equal", "value": value, "effect": effect} for key, value, effect in parts
    ]
