"""What a stack chooses about its node pools."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.azure.catalog import EPHEMERAL_GB
from components.config.model import Model, Problem, Rule
from components.config.types import ConcourseName, Zone, text

DEDICATED = "dedicated"
"""Key of the taint and the label of a pool that is for one kind of pod."""
WORKERS = "concourse-workers"
PLATFORM = "platform"


PoolName = Annotated[
    str,
    text(
        r"(?=.{2,12}$)[a-z]+[0-9]+",
        "a pool name: a word and its generation, at most 12 characters, a-z and 0-9 (workers1)",
    ),
    Field(examples=["workers1"]),
]
"""A node pool's name, which ends in its generation."""


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

    def rules(self) -> Iterable[Rule]:
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

    To change what Azure does not change in a pool, write the next generation in its context: the new
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
