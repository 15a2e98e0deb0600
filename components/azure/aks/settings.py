"""Settings for the AKS cluster."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.azure.aks.pool_settings import (
    DEDICATED,
    DEDICATED_PLATFORM,
    SYSTEM_PODS,
    NodePool,
    SystemPool,
    WorkerPool,
)
from components.config.arm_ids import arm_id
from components.config.model import Model, Problem, Rule, shown
from components.config.types import (
    PRIVATE,
    SHARED,
    Address,
    Cidr,
    Guid,
    PublicCidr,
    Weekly,
)

_ZONE = arm_id(
    "system, none, or the ID of a zone for AKS",
    "Microsoft.Network",
    ("privateDnsZones", r"([a-z0-9-]{1,32}\.)?privatelink\.[a-z0-9]+\.azmk8s\.io"),
)
ApiZone = Annotated[
    str,
    AfterValidator(lambda value: value if value in ("system", "none") else _ZONE(value)),
    Field(examples=["system"]),
]
"""Private DNS zone for API servers (learn.microsoft.com/azure/aks/private-clusters)."""
NODE_PREFIX = 24
"""Each node gets a /24 from the pod range (learn.microsoft.com/azure/aks/azure-cni-overlay)."""
SERVICE_PREFIXES = range(13, 25)
"""Sizes of the service range: smaller than a /12 (same page), and with room for all Services."""
MOST_NODES = {"Free": 1000, "Standard": 5000}
"""Nodes of a cluster, by tier (learn.microsoft.com/azure/aks/free-standard-pricing-tiers)."""
MOST_POOLS = 100
"""Node pools of a cluster, the system pool among them (learn.microsoft.com/azure/aks/quotas-skus-regions)."""
SMALL_SYSTEM_SIZE = "Standard_(B.*|A2)"
"""VM sizes that AKS does not support in a system pool: burstable, or less than 4 GB of memory
(learn.microsoft.com/azure/aks/use-system-pools)."""


class Maintenance(Weekly):
    """When Azure may upgrade nodes and the control plane."""

    hours: int = Field(default=6, ge=4, le=24)
    """Length of the window in hours. Azure requires at least 4."""


class PrivateCluster(Model):
    """An API server with a private address in the nodes' subnet, and no public one.

    AKS can neither make an existing cluster private nor a private one public
    (learn.microsoft.com/azure/aks/private-clusters).
    """

    clients: tuple[Cidr, ...] = Field(min_length=1, max_length=100, examples=[["10.9.0.0/16"]])
    """Networks of operators and of the infra stack's workers, as they arrive: routed by peering or VPN. Vault
    and Kibana admit them. Whether they reach the API server is up to the network's routes."""
    dns_zone: ApiZone = "system"
    """Private DNS zone of the API server's name: "system" for one that AKS makes and links to the nodes'
    network, "none" for public DNS, or the ID of a zone that the network's owner links to all networks."""
    public_fqdn: bool = False
    """Resolve the name in public DNS too, to the private address: for clients without the private zone."""

    def rules(self) -> Iterable[Rule]:
        return (self._has_a_name,)

    def _has_a_name(self) -> Iterator[Problem]:
        if self.dns_zone == "none" and not self.public_fqdn:
            yield Problem("publicFqdn", "the API server would have no name with dnsZone: none; use true")

    @property
    def zone_id(self) -> str | None:
        """The ID of the owner's zone, if there is one."""
        return self.dns_zone if self.dns_zone.startswith("/") else None


class ClusterSettings(Model):
    """The cluster: version, API server access, administrators, IP ranges and node pools."""

    kubernetes_version: Literal["1.35", "1.36", "1.37"] = Field(examples=["1.36"])
    """Kubernetes minor version, in quotes. Azure installs patches. Raise it one minor version at a time."""
    tier: Literal["Free", "Standard"] = "Standard"
    """Standard has an uptime guarantee (99.95 % with zones); Free has none."""
    admin_group_object_ids: tuple[Guid, ...] = Field(
        min_length=1, examples=[["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]]
    )
    """Object IDs of existing Entra groups that administer the cluster. Deployers must be members of one."""
    operator_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=150)
    """Public IP ranges for operators' access to the API server. (Azure allows 200 ranges in total.) Required,
    except for a private cluster."""
    deployer_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=30)
    """Public IP ranges for pipelines' access to the API server: the infra stack's egress addresses."""
    private: PrivateCluster | None = None
    """Give the API server no public address. Replaces operatorRanges and deployerRanges."""
    pod_range: Cidr = Field(default=IPv4Network("10.244.0.0/16"))
    """Pod addresses, used only inside the cluster. Each node takes a /24."""
    service_range: Cidr = Field(default=IPv4Network("10.0.0.0/16"))
    """Service addresses, used only inside the cluster."""
    dns_service_address: Address | None = None
    """Address of the cluster's DNS service, from the service range. Defaults to the tenth address."""
    maintenance: Maintenance = Maintenance()
    """Weekly maintenance window for upgrades."""
    system_pool: SystemPool = SystemPool()
    """Pool for Kubernetes system pods. Its VM size and disks cannot be changed after creation."""
    platform_pools: tuple[NodePool, ...] = ()
    """Pools for the platform's own pods. If empty, they run in the system pool."""
    worker_pools: tuple[WorkerPool, ...] = Field(min_length=1, examples=[[{"name": "workers1"}]])
    """Pools for Concourse workers."""

    @property
    def dns_address(self) -> IPv4Address:
        """The DNS service's address: the configured one, or the default."""
        return self.dns_service_address or self.service_range.network_address + 10

    @property
    def max_nodes(self) -> int:
        """Highest possible node count: every pool at its maximum and in the middle of an upgrade."""
        pools = (self.system_pool, *self.platform_pools, *self.worker_pools)
        return sum(pool.max_nodes + pool.surge for pool in pools)

    @property
    def platform_nodes(self) -> dict[str, str]:
        """Node selector for the platform's pods; empty if there are no platform pools."""
        return {DEDICATED: DEDICATED_PLATFORM} if self.platform_pools else {}

    def rules(self) -> Iterable[Rule]:
        return (
            self._dns_inside,
            self._pods_fit,
            self._names_differ,
            self._system_runs,
            self._system_fits,
            self._nodes_in_tier,
            self._pools_in_cluster,
            self._services_fit,
            self._ranges_are_private,
            self._one_access,
        )

    def _one_access(self) -> Iterator[Problem]:
        given = {"operatorRanges": self.operator_ranges, "deployerRanges": self.deployer_ranges}
        if self.private:
            for key in (name for name, ranges in given.items() if ranges):
                text = "a private API server has no public address to restrict; use cluster.private.clients"
                yield Problem(key, text)
        elif not self.operator_ranges:
            text = "missing; list the operators' public ranges, such as 203.0.113.0/28, or set private"
            yield Problem("operatorRanges", text)

    def _dns_inside(self) -> Iterator[Problem]:
        given = self.dns_service_address
        if given and (given not in self.service_range or given <= self.service_range[1]):
            free = self.service_range.network_address + 10
            text = f"{given} is not free in cluster.serviceRange; use one such as {free}"
            yield Problem("dnsServiceAddress", text)

    def _pods_fit(self) -> Iterator[Problem]:
        room = 2 ** max(NODE_PREFIX - self.pod_range.prefixlen, 0)
        if self.max_nodes > room:
            text = f"{self.pod_range} has room for {room} of {self.max_nodes} nodes; widen it"
            yield Problem("podRange", text)

    def _names_differ(self) -> Iterator[Problem]:
        names = Counter(["system"])
        for key, pools in (
            ("platformPools", self.platform_pools),
            ("workerPools", self.worker_pools),
        ):
            for index, pool in enumerate(pools):
                names[pool.name] += 1
                if names[pool.name] > 1:
                    text = f"{shown(pool.name)} is taken by another pool; raise the generation at its end"
                    yield Problem(f"{key}[{index}].name", text)

    def _system_runs(self) -> Iterator[Problem]:
        if self.system_pool.min_nodes < 1:
            yield Problem("systemPool.minNodes", "0 would stop the cluster; use at least 1")

    def _system_fits(self) -> Iterator[Problem]:
        pool = self.system_pool
        if re.fullmatch(SMALL_SYSTEM_SIZE, pool.vm_size):
            text = (
                f"AKS does not support {pool.vm_size} here; choose a size with 4 GB or more, of no B series"
            )
            yield Problem("systemPool.vmSize", text)
        if pool.max_pods < SYSTEM_PODS:
            text = f"{pool.max_pods} is too few for the system's own pods; use at least {SYSTEM_PODS}"
            yield Problem("systemPool.maxPods", text)

    def _nodes_in_tier(self) -> Iterator[Problem]:
        most = MOST_NODES[self.tier]
        if self.max_nodes > most:
            larger = "choose Standard" if self.tier == "Free" else "lower maxNodes"
            text = (
                f"the pools can grow to {self.max_nodes} nodes, and {self.tier} has at most {most}; {larger}"
            )
            yield Problem("tier", text)

    def _pools_in_cluster(self) -> Iterator[Problem]:
        number = 1 + len(self.platform_pools) + len(self.worker_pools)
        if number > MOST_POOLS:
            text = f"{number} pools with the others, and a cluster has at most {MOST_POOLS}; merge some"
            yield Problem("workerPools", text)

    def _services_fit(self) -> Iterator[Problem]:
        if self.service_range.prefixlen not in SERVICE_PREFIXES:
            least, most = SERVICE_PREFIXES[0], SERVICE_PREFIXES[-1]
            text = f"{self.service_range} has a size that does not work; use a /{least} to /{most}"
            yield Problem("serviceRange", text)

    def _ranges_are_private(self) -> Iterator[Problem]:
        for key, net in (("podRange", self.pod_range), ("serviceRange", self.service_range)):
            if not any(net.subnet_of(private) for private in (*PRIVATE, SHARED)):
                ranges = ", ".join(map(str, (*PRIVATE, SHARED)))
                yield Problem(
                    key, f"{net} is not private, and hides hosts of the internet; use a range in {ranges}"
                )
