"""Checks of what the cluster needs: Kubernetes version, VM sizes with their zones, quota."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from components.azure.aks.pool_settings import SystemPool, WorkerPool
from deploy.preflight.question import Answers, Question

SYSTEM_MEMORY_GB = 4
"""What AKS requires of a system pool's VM size (learn.microsoft.com/azure/aks/use-system-pools)."""


def versions(q: Question) -> Answers:
    """AKS offers the Kubernetes version of the stack file in its region."""
    wanted = q.settings.cluster.kubernetes_version
    answer = q.az("aks", "get-versions", "--location", q.location) or {}
    offered = sorted(one["version"] for one in answer.get("values", []))
    seen = f"AKS in {q.location} offers {', '.join(offered) or 'nothing'}"
    yield (
        f"Kubernetes {wanted}",
        wanted in offered,
        seen,
        "set platform:cluster kubernetesVersion to one of these",
    )


def sizes(q: Question) -> Answers:
    """The subscription may create the pools' VM sizes in their zones."""
    known = offers(q)
    for key, pool in pools(q):
        offer = known.get(pool.vm_size, {})
        what, remedy = f"{pool.vm_size} in {q.location}", f"set platform:cluster {key} vmSize to another size"
        closed = [one for one in offer.get("restrictions", ()) if one["type"] == "Location"]
        seen = closed[0]["reasonCode"] if closed else "it is not offered there"
        usable = bool(offer) and not closed
        yield f"{what} for {key}", usable, seen, f"{remedy}, or request access: portal, Quotas, Compute"
        if usable and pool.zones:
            there = zones(offer)
            seen = f"the subscription may use it in {', '.join(sorted(there)) or 'no zone'}"
            fitting = set(pool.zones) <= there
            choice = f"set platform:cluster {key} zones to {sorted(there)}, or another vmSize"
            yield f"zones {', '.join(pool.zones)} for {key}", fitting, seen, choice
        if usable and key == "systemPool":
            memory = float(capability(offer, "MemoryGB") or 0)
            seen = f"it has {memory:g} GB, and AKS requires {SYSTEM_MEMORY_GB}"
            yield "memory of systemPool", memory >= SYSTEM_MEMORY_GB, seen, remedy


def quotas(q: Question) -> Answers:
    """The cores that are left suffice for all node pools at their maximum, in the middle of an upgrade."""
    known, need = offers(q), Counter[str]()
    for _, pool in pools(q):
        if offer := known.get(pool.vm_size):
            cores = int(capability(offer, "vCPUs") or 0) * (pool.max_nodes + pool.surge)
            spot = isinstance(pool, WorkerPool) and pool.priority == "Spot"
            # Spot has one quota for all sizes (learn.microsoft.com/azure/quotas/spot-quota).
            need.update({"lowPriorityCores": cores} if spot else {offer["family"]: cores, "cores": cores})
    usage = q.az("vm", "list-usage", "--location", q.location) or []
    rows = {each["name"]["value"].lower(): each for each in usage}
    for name, cores in sorted(need.items()):
        row = rows.get(name.lower(), {"limit": 0, "currentValue": 0})
        limit, used = int(row["limit"]), int(row["currentValue"])
        seen = f"the pools need up to {cores} with their surge nodes; of {limit}, {used} are in use"
        remedy = f"request more: portal, Quotas, Compute, {q.location} (or lower platform:cluster maxNodes)"
        yield f"cores of {name} in {q.location}", limit - used >= cores, seen, remedy


def pools(q: Question) -> Iterator[tuple[str, SystemPool]]:
    """All node pools, by key in platform:cluster."""
    cluster = q.settings.cluster
    yield "systemPool", cluster.system_pool
    for index, pool in enumerate(cluster.platform_pools):
        yield f"platformPools[{index}]", pool
    for index, worker in enumerate(cluster.worker_pools):
        yield f"workerPools[{index}]", worker


def offers(q: Question) -> dict[str, Any]:
    """The region's VM sizes by name. Without --all, az hides those that are closed to the subscription."""
    about = ("--location", q.location, "--resource-type", "virtualMachines", "--all")
    return {each["name"]: each for each in q.az("vm", "list-skus", *about) or ()}


def zones(offer: Any) -> set[str]:
    """The zones in which the subscription may use a VM size."""
    offered = {zone for place in offer["locationInfo"] for zone in place["zones"]}
    limits = [one["restrictionInfo"] for one in offer.get("restrictions", ()) if one["type"] == "Zone"]
    return offered - {zone for info in limits for zone in info["zones"]}


def capability(offer: Any, name: str) -> str:
    """A property of a VM size, "" if it has none."""
    return next((str(each["value"]) for each in offer["capabilities"] if each["name"] == name), "")
