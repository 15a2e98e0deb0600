"""What a stack chooses about its cluster."""

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from pydantic import Field

from components.azure.aks.pool_settings import DEDICATED, PLATFORM, NodePool, SystemPool, WorkerPool
from components.config.model import Model, Problem, Rule
from components.config.types import Address, Cidr, Guid, PublicCidr, Weekly

NODE_PREFIX = 24
"""Each node has a /24 of the pods' range (learn.microsoft.com/azure/aks/azure-cni-overlay)."""


class Maintenance(Weekly):
    """When Azure may upgrade nodes and the control plane."""

    hours: int = Field(default=6, ge=4, le=24)
    """How long it may take; Azure wants at least 4."""


class ClusterSettings(Model):
    """The cluster: its version, who may reach and administer it, its ranges and its nodes."""

    kubernetes_version: Literal["1.35", "1.36", "1.37"] = Field(examples=["1.36"])
    """The minor version, in quotes. Azure installs patches; minors go up here, one at a time."""
    tier: Literal["Free", "Standard"] = "Standard"
    """Standard has an uptime guarantee (99.95 % with zones); Free has none."""
    admin_group_object_ids: tuple[Guid, ...] = Field(
        min_length=1, examples=[["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]]
    )
    """Entra groups that administer the cluster. They exist; the deployers are in one."""
    operator_ranges: tuple[PublicCidr, ...] = Field(min_length=1, max_length=150)
    """Where people reach the API server from. (Azure takes 200 ranges in all.)"""
    deployer_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=30)
    """Where pipelines reach it from: the addresses that the infra stack goes out by."""
    pod_range: Cidr = Field(default=IPv4Network("10.244.0.0/16"))
    """Addresses of pods, seen only inside the cluster; a /24 for each node."""
    service_range: Cidr = Field(default=IPv4Network("10.0.0.0/16"))
    """Addresses of Services, seen only inside the cluster."""
    dns_service_address: Address | None = None
    """The cluster's name server: an address of the service range, the tenth unless given."""
    maintenance: Maintenance = Maintenance()
    """When Azure may upgrade."""
    system_pool: SystemPool = SystemPool()
    """For Kubernetes' own pods. Azure changes neither the size of its machines nor their disks."""
    platform_pools: tuple[NodePool, ...] = ()
    """For the platform's own pods. Without one they share the system pool."""
    worker_pools: tuple[WorkerPool, ...] = Field(min_length=1, examples=[[{"name": "workers1"}]])
    """For Concourse's workers."""

    @property
    def dns_address(self) -> IPv4Address:
        """The name server's address, given or not."""
        return self.dns_service_address or self.service_range[10]

    @property
    def max_nodes(self) -> int:
        """Nodes when every pool is at its largest and in the middle of an upgrade."""
        pools = (self.system_pool, *self.platform_pools, *self.worker_pools)
        return sum(pool.max_nodes + pool.surge for pool in pools)

    @property
    def platform_nodes(self) -> dict[str, str]:
        """The label of the nodes that are for the platform's pods; none where these have no pool."""
        return {DEDICATED: PLATFORM} if self.platform_pools else {}

    def rules(self) -> Iterable[Rule]:
        return (
            self._dns_inside,
            self._pods_fit,
            self._names_differ,
            self._system_runs,
        )

    def _dns_inside(self) -> Iterator[Problem]:
        given = self.dns_service_address
        if given and (given not in self.service_range or given <= self.service_range[1]):
            text = f"{given} is not free in cluster.serviceRange; such as {self.service_range[10]} is"
            yield Problem("dnsServiceAddress", text)

    def _pods_fit(self) -> Iterator[Problem]:
        room = 2 ** max(NODE_PREFIX - self.pod_range.prefixlen, 0)
        if self.max_nodes > room:
            text = f"{self.pod_range} has room for {room} of {self.max_nodes} nodes; widen it"
            yield Problem("podRange", text)

    def _names_differ(self) -> Iterator[Problem]:
        names = Counter(["system"])
        for kind, pools in (
            ("platformPools", self.platform_pools),
            ("workerPools", self.worker_pools),
        ):
            for index, pool in enumerate(pools):
                names[pool.name] += 1
                if names[pool.name] > 1:
                    text = f"{pool.name!r} is taken by another pool; raise the generation at its end"
                    yield Problem(f"{kind}[{index}].name", text)

    def _system_runs(self) -> Iterator[Problem]:
        if self.system_pool.min_nodes < 1:
            yield Problem("systemPool.minNodes", "0 would stop the cluster; at least 1")
