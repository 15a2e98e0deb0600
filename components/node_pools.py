"""The cluster's node pools: their settings, and the arguments that Azure takes for one."""

from collections.abc import Iterable, Iterator
from typing import Literal, TypedDict

from pulumi import Input
from pulumi_azure_native import containerservice as aks
from pydantic import Field

from components.azure import EPHEMERAL_GB
from components.model import Check, ConcourseName, Model, PoolName, Problem, Zone

DEDICATED = "dedicated"
"""Key of the taint and the label of a pool that is for one kind of pod."""
WORKERS = "concourse-workers"
PLATFORM = "platform"


class SystemPool(Model):
    """The pool for Kubernetes' own pods; for the platform's too, where these have no pool."""

    vm_size: str = Field(default="Standard_D4ds_v5", pattern=r"^Standard_[A-Za-z0-9_]+$")
    """Azure's name of a size."""
    os_disk_type: Literal["Ephemeral", "Managed"] = "Ephemeral"
    """Ephemeral disks are the node's own: faster, and no cost; the size has to have room for it."""
    os_disk_size_gb: int = Field(default=128, ge=30, le=2048, alias="osDiskSizeGb")
    """GiB of each node's disk, for images, logs and what pods write to no volume."""
    min_nodes: int = Field(default=3, ge=0, le=1000)
    """The autoscaler keeps at least so many."""
    max_nodes: int = Field(default=5, ge=1, le=1000)
    """The autoscaler makes at most so many; an upgrade, some more for a while."""
    max_pods: int = Field(default=110, ge=10, le=250)
    """Pods a node; Azure's limits."""
    zones: tuple[Zone, ...] = ("1", "2", "3")
    """Availability zones to spread over; empty in a region that has none."""

    @property
    def surge(self) -> int:
        """Nodes beyond the largest number while the pool is upgraded: a third of it."""
        return -(-self.max_nodes // 3)

    def checks(self) -> Iterable[Check]:
        return (self._min_below_max, self._disk_fits)

    def _min_below_max(self) -> Iterator[Problem]:
        if self.min_nodes > self.max_nodes:
            text = f"{self.min_nodes} is more than maxNodes ({self.max_nodes}); lower it or raise that"
            yield Problem("minNodes", text)

    def _disk_fits(self) -> Iterator[Problem]:
        if self.os_disk_type != "Ephemeral":
            return
        room = EPHEMERAL_GB.get(self.vm_size)
        if room is None:
            known = ", ".join(EPHEMERAL_GB)
            text = f"{self.vm_size} is not known to have room for an ephemeral OS disk"
            yield Problem("vmSize", f"{text}; choose from {known}, or say osDiskType: Managed")
        elif self.os_disk_size_gb > room:
            text = f"{self.os_disk_size_gb} GiB do not fit {self.vm_size}, which has room for {room}"
            yield Problem("osDiskSizeGb", text)


class NodePool(SystemPool):
    """A pool of its own, for the platform's pods."""

    name: PoolName
    """A word and its generation.

    To change what Azure does not change in a pool, write the next generation in its place: the new
    pool is there before the old one goes."""


class WorkerPool(NodePool):
    """A pool for Concourse's workers and nothing else: they run privileged containers."""

    vm_size: str = Field(default="Standard_D8ds_v5", pattern=r"^Standard_[A-Za-z0-9_]+$")
    """Azure's name of a size. A worker runs on a node of its own."""
    os_disk_size_gb: int = Field(default=256, ge=30, le=2048, alias="osDiskSizeGb")
    """GiB of each node's disk, where builds are: the article's 256 for a worker's volumes."""
    min_nodes: int = Field(default=2, ge=0, le=1000)
    """The autoscaler keeps at least so many."""
    max_nodes: int = Field(default=8, ge=1, le=1000)
    """The autoscaler makes at most so many."""
    max_pods: int = Field(default=30, ge=10, le=250)
    """Pods a node; 10 is Azure's least. There is little beside the worker."""
    team: ConcourseName | None = None
    """The team whose builds alone run here; they all do, but those for tags. Without it, any team's."""
    tags: tuple[ConcourseName, ...] = ()
    """With tags, workers take only steps that name one of them."""
    drain_timeout_minutes: int = Field(default=60, ge=1, le=1440)
    """How long Azure lets a node empty before it gives up; no shorter than workers' grace."""

    @property
    def surge(self) -> int:
        """Workers' nodes are upgraded one at a time."""
        return 1


class Shape(TypedDict):
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


def on(pool: NodePool) -> dict[str, str]:
    """The label of a pool's nodes, for pods that are to run there."""
    return {"kubernetes.azure.com/agentpool": pool.name}


def shape(pool: SystemPool, version: str, subnet: Input[str]) -> Shape:
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


def purpose(pool: NodePool) -> tuple[dict[str, str], list[str]]:
    """The labels and taints that keep other pods off the workers' nodes, and workers off others."""
    if isinstance(pool, WorkerPool):
        return {DEDICATED: WORKERS}, [f"{DEDICATED}={WORKERS}:NoSchedule"]
    return {DEDICATED: PLATFORM}, []
