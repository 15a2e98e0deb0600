"""Settings for the node pools."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.azure.catalog import EPHEMERAL_GB
from components.config.model import Model, Problem, Rule
from components.config.types import ConcourseName, Zone, text

DEDICATED = "dedicated"
"""Key of the taint and label on pools that are reserved for one kind of pod."""
DEDICATED_WORKERS = "concourse-workers"
DEDICATED_PLATFORM = "platform"


LEAST_CORES = 2
"""Azure takes no smaller VM size for a node (learn.microsoft.com/azure/aks/quotas-skus-regions)."""
SYSTEM_PODS = 30
"""Pods that a node of the system pool has to hold (learn.microsoft.com/azure/aks/use-system-pools)."""
PoolName = Annotated[
    str,
    text(
        r"(?=.{2,12}$)[a-z]+[0-9]+",
        "a pool name: a word and its generation, at most 12 characters, a-z and 0-9 (workers1)",
    ),
    Field(examples=["workers1"]),
]
"""Node pool name with a generation number at the end."""


class SystemPool(Model):
    """The pool for Kubernetes system pods, and for the platform's pods if there are no platform pools."""

    vm_size: str = Field(default="Standard_D4ds_v5", pattern=r"^Standard_[A-Za-z0-9_]+$")
    """VM size, by its Azure name."""
    os_disk_type: Literal["Ephemeral", "Managed"] = "Ephemeral"
    """Ephemeral disks are local to the node, faster and free; the VM size must have room for one."""
    os_disk_size_gb: int = Field(default=128, ge=30, le=2048, alias="osDiskSizeGb")
    """OS disk size per node in GiB. It holds images, logs and data that pods write outside volumes."""
    min_nodes: int = Field(default=3, ge=0, le=1000)
    """Minimum number of nodes for the autoscaler."""
    max_nodes: int = Field(default=5, ge=1, le=1000)
    """Maximum number of nodes for the autoscaler. Upgrades exceed it temporarily."""
    max_pods: int = Field(default=110, ge=10, le=250)
    """Maximum pods per node. 10 to 250 are Azure's limits."""
    zones: tuple[Zone, ...] = ("1", "2", "3")
    """Availability zones for the nodes. Use an empty list in a region without zones."""

    @property
    def surge(self) -> int:
        """Extra nodes during an upgrade: a third of the maximum, rounded up."""
        return -(-self.max_nodes // 3)

    def rules(self) -> Iterable[Rule]:
        return (self._min_below_max, self._disk_fits, self._size_has_cores)

    def _min_below_max(self) -> Iterator[Problem]:
        if self.min_nodes > self.max_nodes:
            text = f"{self.min_nodes} is more than maxNodes ({self.max_nodes}); lower it or raise that"
            yield Problem("minNodes", text)

    def _size_has_cores(self) -> Iterator[Problem]:
        cores = re.search(r"[0-9]+", self.vm_size)
        if not cores or int(cores[0]) < LEAST_CORES:
            text = (
                f"{self.vm_size} has fewer than {LEAST_CORES} cores, too few for a node; choose a larger size"
            )
            yield Problem("vmSize", text)

    def _disk_fits(self) -> Iterator[Problem]:
        if self.os_disk_type != "Ephemeral":
            return
        room = EPHEMERAL_GB.get(self.vm_size)
        if room is None:
            known = ", ".join(EPHEMERAL_GB)
            text = f"{self.vm_size} is not known to have room for an ephemeral OS disk"
            yield Problem("vmSize", f"{text}; choose from {known}, or use osDiskType: Managed")
        elif self.os_disk_size_gb > room:
            text = f"{self.os_disk_size_gb} GiB does not fit on {self.vm_size}, which has room for {room}"
            yield Problem("osDiskSizeGb", text)


class NodePool(SystemPool):
    """A separate pool for the platform's pods."""

    name: PoolName
    """Pool name: a word and a generation number.

    To change a property that Azure cannot change in place, raise the generation along with it: the new
    pool is created before the old one is deleted."""


class WorkerPool(NodePool):
    """A pool reserved for Concourse workers, because they run privileged containers."""

    vm_size: str = Field(default="Standard_D8ds_v5", pattern=r"^Standard_[A-Za-z0-9_]+$")
    """VM size, by its Azure name. Each worker has a node to itself."""
    os_disk_size_gb: int = Field(default=256, ge=30, le=2048, alias="osDiskSizeGb")
    """OS disk size per node in GiB. It holds builds; the article recommends 256 for a worker's volumes."""
    min_nodes: int = Field(default=2, ge=0, le=1000)
    """Minimum number of nodes for the autoscaler."""
    max_nodes: int = Field(default=8, ge=1, le=1000)
    """Maximum number of nodes for the autoscaler."""
    max_pods: int = Field(default=30, ge=10, le=250)
    """Maximum pods per node. Few pods run beside the worker; Azure's minimum is 10."""
    team: ConcourseName | None = None
    """Reserve the workers for one team. All its builds run here, except steps with tags. Unset: any team."""
    tags: tuple[ConcourseName, ...] = ()
    """Worker tags. If set, the workers run only steps that name one of these tags."""
    internet_access: Literal["all", "https", "none"] = "all"
    """Public addresses that builds reach: on any port, on port 443 only, or none. With "none", images have to
    come from another worker, by a get step and the `image` of a task."""
    drain_timeout_minutes: int = Field(default=60, ge=1, le=1440)
    """Minutes before Azure gives up draining a node. At least the workers' termination grace period."""

    @property
    def surge(self) -> int:
        """Extra nodes during an upgrade: one, so worker nodes are upgraded one at a time."""
        return 1
