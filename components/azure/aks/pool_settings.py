"""Settings for the node pools."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import Field

from components.azure.catalog import ARM, EPHEMERAL_GB, VM_FEATURES, VM_SIZE
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
LABEL = r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
"""A label's key (kubernetes.io/docs/concepts/overview/working-with-objects/labels)."""
OF_AZURE = "kubernetes.azure.com/"
"""Prefix of labels and taints that AKS keeps to itself (learn.microsoft.com/azure/aks/use-labels)."""
SPOT = "kubernetes.azure.com/scalesetpriority"
"""Label and taint that AKS adds to nodes of a Spot pool (learn.microsoft.com/azure/aks/spot-node-pool)."""
LabelKey = Annotated[str, text(rf"(?!kubernetes\.azure\.com/|dedicated$){LABEL}", "a label that you may set")]
LabelValue = Annotated[
    str, text(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", "a label's value: at most 63 characters")
]
Taint = Annotated[
    str,
    text(
        rf"(?!kubernetes\.azure\.com/|dedicated=){LABEL}=[A-Za-z0-9_.-]{{0,63}}"
        r":(NoSchedule|PreferNoSchedule|NoExecute)",
        "a taint that you may set, key=value:NoSchedule; `dedicated` and kubernetes.azure.com/ are taken",
    ),
    Field(examples=["sku=spot:NoSchedule"]),
]
"""A taint as AKS writes it."""
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
    labels: dict[LabelKey, LabelValue] = Field(default={}, examples=[{"cost": "builds"}])
    """More labels of the nodes."""

    @property
    def surge(self) -> int:
        """Extra nodes during an upgrade: a third of the maximum, rounded up."""
        return -(-self.max_nodes // 3)

    def rules(self) -> Iterable[Rule]:
        return (self._min_below_max, self._size_exists, self._disk_fits)

    def _min_below_max(self) -> Iterator[Problem]:
        if self.min_nodes > self.max_nodes:
            text = f"{self.min_nodes} is more than maxNodes ({self.max_nodes}); lower it or raise that"
            yield Problem("minNodes", text)

    def _size_exists(self) -> Iterator[Problem]:
        """Whether a region and a subscription have the size, `preflight` asks."""
        named = VM_SIZE.fullmatch(self.vm_size)
        if not named or not VM_FEATURES.issuperset(named["features"]):
            text = f"{self.vm_size} is not named as Azure names VM sizes; use one such as {self._near}"
            yield Problem("vmSize", text)
        elif int(named["cores"]) < LEAST_CORES:
            text = (
                f"{self.vm_size} has fewer than {LEAST_CORES} cores, too few for a node; choose a larger size"
            )
            yield Problem("vmSize", text)
        elif ARM in named["features"]:
            other = self.vm_size.replace(named["features"], named["features"].replace(ARM, ""))
            text = f"{self.vm_size} has ARM processors, for which the platform's images are not tested"
            yield Problem("vmSize", f"{text}; use one such as {other}")

    @property
    def _near(self) -> str:
        """The known size that was meant, or one with as many cores."""
        digits = re.search(r"[0-9]+", self.vm_size)
        alike = f"Standard_D{digits[0] if digits else 4}ds_v5"
        usual = alike if alike in EPHEMERAL_GB else "Standard_D4ds_v5"
        return next(iter(get_close_matches(self.vm_size, EPHEMERAL_GB, n=1, cutoff=0.8)), usual)

    def _disk_fits(self) -> Iterator[Problem]:
        if self.os_disk_type != "Ephemeral" or any(self._size_exists()):
            return
        room = EPHEMERAL_GB.get(self.vm_size)
        if room is None:
            text = f"the room of {self.vm_size} for an ephemeral OS disk is not known here"
            yield Problem("vmSize", f"{text}; use osDiskType: Managed, or a size such as {self._near}")
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
    priority: Literal["Regular", "Spot"] = "Regular"
    """Spot nodes cost a fraction, and Azure takes them away at any time with 30 seconds' notice; Concourse
    runs their builds again elsewhere. An upgrade does not drain them either."""
    taints: tuple[Taint, ...] = ()
    """More taints of the nodes. The workers tolerate them."""
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
        """Extra nodes during an upgrade: one, so worker nodes are upgraded one at a time. Spot has none."""
        return 0 if self.priority == "Spot" else 1
