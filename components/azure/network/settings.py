"""Settings for the network and the DNS zone."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from components.azure.catalog import arm_segment
from components.config.model import Model, Problem, Rule
from components.config.types import Cidr, DnsName, PrivateZoneId, PublicCidr, SubnetId, ZoneId, overlaps

SMALLEST_DATABASE_SUBNET = 28
SMALLEST_SUBNET = 29
"""Azure makes no smaller subnet (learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""
NEVER = tuple(
    IPv4Network(net) for net in ("224.0.0.0/4", "255.255.255.255/32", "127.0.0.0/8", "168.63.129.16/32")
)
"""Addresses that a virtual network cannot have (same page); AKS has some more (components/rules.py)."""
Outbound = Literal["natGateway", "loadBalancer", "userDefinedRouting"]


class Subnets(Model):
    """Subnet ranges within the network's address space."""

    nodes: Cidr = Field(examples=["10.20.0.0/20"])
    """Subnet for the cluster's nodes, one address each; pods have a separate range."""
    endpoints: Cidr | None = Field(default=None, examples=["10.20.16.32/27"])
    """Subnet for private endpoints of other services. Required, except in an existing network."""
    database: Cidr | None = Field(default=None, examples=["10.20.16.0/28"])
    """Dedicated PostgreSQL subnet, /28 or larger. Required for `database.access: private`."""

    def named(self) -> dict[str, IPv4Network]:
        """The configured subnets, by name."""
        found = {"nodes": self.nodes, "database": self.database, "endpoints": self.endpoints}
        return {name: net for name, net in found.items() if net}


class ExistingNetwork(Model):
    """A network that is there already. The program takes its subnets' IDs and changes nothing in them.

    What its owner prepares: docs/bring-your-own.md.
    """

    nodes: SubnetId
    """Subnet for the nodes, with the service endpoints Microsoft.KeyVault and Microsoft.Storage."""
    database: SubnetId | None = None
    """PostgreSQL's subnet, delegated to Microsoft.DBforPostgreSQL/flexibleServers. In the same network."""
    database_zone: PrivateZoneId | None = None
    """PostgreSQL's private DNS zone, linked to the network. Unset: the stack makes a zone of its own name and
    the link. With DNS servers of your own, set one that is linked to their network too."""
    egress_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=20)
    """Public addresses of the owner's firewall or NAT gateway, from which the nodes reach others: the API
    server and a public database admit them. Not with `egress: loadBalancer`, which has addresses of ours."""

    @property
    def network(self) -> str:
        """The network's ID."""
        return self.nodes.rpartition("/subnets/")[0]

    def is_in_network(self, subnet: str) -> bool:
        """Whether a subnet is in the network. Azure's names have no case."""
        return subnet.rpartition("/subnets/")[0].lower() == self.network.lower()


class NetworkSettings(Model):
    """The network: address ranges and egress."""

    address_space: Cidr
    """Range of the whole network. No other stack has addresses in it, so that networks can be peered."""
    subnets: Subnets = Field(examples=[{"nodes": "10.20.0.0/20", "endpoints": "10.20.16.32/27"}])
    egress: Outbound = "natGateway"
    """Egress method. A NAT gateway has enough SNAT ports for many builds; loadBalancer has no extra cost.
    userDefinedRouting is for an existing network whose route table leads to a firewall."""
    egress_addresses: int = Field(default=1, ge=1, le=16)
    """Number of public egress addresses, with 64,512 SNAT ports each. A NAT gateway allows up to 16."""
    peered_ranges: tuple[Cidr, ...] = Field(default=(), max_length=100, examples=[["10.0.0.0/20"]])
    """Ranges that nodes and pods reach in other networks, by peering or VPN: a hub's with its firewall, DNS
    servers and proxy, git servers. Services and pods cannot have addresses in them."""
    existing: ExistingNetwork | None = None
    """A network to use instead of a new one. `addressSpace` and `subnets` then say which ranges it has."""

    @property
    def own_addresses(self) -> int:
        """Number of public egress addresses of the stack's own."""
        return 0 if self.existing and self.egress != "loadBalancer" else self.egress_addresses

    def rules(self) -> Iterable[Rule]:
        return (
            self._subnets_inside,
            self._subnets_apart,
            self._subnets_exist,
            self._database_fits,
            self._range_is_possible,
            self._endpoints_are_given,
            self._routed_to_somewhere,
            self._existing_agrees,
            self._peers_are_outside,
        )

    def _peers_are_outside(self) -> Iterator[Problem]:
        for index, net in enumerate(self.peered_ranges):
            if net.overlaps(self.address_space):
                text = f"{net} overlaps this network's own {self.address_space}; list what is outside of it"
                yield Problem(f"peeredRanges[{index}]", text)

    def _endpoints_are_given(self) -> Iterator[Problem]:
        if not self.existing and not self.subnets.endpoints:
            yield Problem("subnets.endpoints", "missing; set a free range such as a /27")

    def _routed_to_somewhere(self) -> Iterator[Problem]:
        existing, own = self.existing, self.egress == "loadBalancer"
        if self.egress == "userDefinedRouting" and not existing:
            text = "needs the route table of an existing network; set network.existing, or choose natGateway"
            yield Problem("egress", text)
        if existing and not own and not existing.egress_ranges:
            text = "missing; set the public addresses of the firewall or NAT gateway, such as 203.0.113.9/32"
            yield Problem("existing.egressRanges", text)
        if existing and own and existing.egress_ranges:
            text = "unused with egress: loadBalancer, which has addresses of the stack's own; remove it"
            yield Problem("existing.egressRanges", text)

    def _existing_agrees(self) -> Iterator[Problem]:
        if not (existing := self.existing):
            return
        if existing.database and not existing.is_in_network(existing.database):
            text = f"is not in the nodes' network {existing.network}; AKS and PostgreSQL share one here"
            yield Problem("existing.database", text)
        if existing.database and existing.database.lower() == existing.nodes.lower():
            # learn.microsoft.com/azure/postgresql/network/concepts-networking-private, delegated subnet
            text = "is the nodes' subnet; PostgreSQL shares its subnet with nothing else, so use another"
            yield Problem("existing.database", text)
        if existing.database and not self.subnets.database:
            yield Problem("subnets.database", "missing; set the range of network.existing.database")
        if self.subnets.database and not existing.database:
            yield Problem("existing.database", "missing; set the ID of the subnet, or remove its range")
        if existing.database_zone and not existing.database_zone.endswith(".postgres.database.azure.com"):
            text = "is not for PostgreSQL; its name ends in .postgres.database.azure.com"
            yield Problem("existing.databaseZone", text)

    def _subnets_inside(self) -> Iterator[Problem]:
        for name, net in self.subnets.named().items():
            if not net.subnet_of(self.address_space):
                text = f"{net} is outside its network; choose a range inside {self.address_space}"
                yield Problem(f"subnets.{name}", text)

    def _subnets_apart(self) -> Iterator[Problem]:
        nets = self.subnets.named()
        for name, other in overlaps(nets):
            text = f"{nets[other]} overlaps network.subnets.{name} ({nets[name]}); choose another"
            yield Problem(f"subnets.{other}", text)

    def _subnets_exist(self) -> Iterator[Problem]:
        for name, net in self.subnets.named().items():
            if net.prefixlen > SMALLEST_SUBNET:
                text = f"{net} is smaller than Azure's smallest subnet; use a /{SMALLEST_SUBNET} or larger"
                yield Problem(f"subnets.{name}", text)

    def _range_is_possible(self) -> Iterator[Problem]:
        for never in NEVER:
            if self.address_space.overlaps(never):
                text = f"{self.address_space} overlaps {never}, which no network can have; choose another"
                yield Problem("addressSpace", text)

    def _database_fits(self) -> Iterator[Problem]:
        net = self.subnets.database
        if net and net.prefixlen > SMALLEST_DATABASE_SUBNET:
            text = f"{net} is too small for PostgreSQL; use a /{SMALLEST_DATABASE_SUBNET} or larger"
            yield Problem("subnets.database", text)


class DnsSettings(Model):
    """The DNS zone: either an existing delegated zone, or a new zone below a delegated parent."""

    zone_id: ZoneId | None = None
    """Resource ID of an existing, delegated zone. Excludes `zone` and `parentZoneId`."""
    zone: DnsName | None = None
    """Name of a zone to create below the parent zone. Requires `parentZoneId`."""
    parent_zone_id: ZoneId | None = None
    """Resource ID of the delegated parent zone, which gets the new zone's NS record."""
    authorities: tuple[DnsName, ...] = ("letsencrypt.org",)
    """Certificate authorities allowed to issue for the zone (CAA record). Use `[]` to leave the record
    unmanaged, for example in an existing zone that already has one."""

    @property
    def name(self) -> str:
        """The name of the existing or new zone."""
        return arm_segment(self.zone_id, "dnsZones") if self.zone_id else str(self.zone)

    @property
    def parent_subscription(self) -> str:
        """Subscription of the existing zone or parent zone, which may differ from the stack's."""
        return arm_segment(self.zone_id or str(self.parent_zone_id), "subscriptions")

    @property
    def label(self) -> str:
        """The new zone's name relative to its parent: the name of the NS record there."""
        return self.name.removesuffix("." + arm_segment(str(self.parent_zone_id), "dnsZones"))

    def rules(self) -> Iterable[Rule]:
        return (self._one_way, self._zone_and_parent, self._inside_parent)

    def _one_way(self) -> Iterator[Problem]:
        if not self.zone_id and not self.zone and not self.parent_zone_id:
            text = "missing; set the ID of a delegated zone, or set zone and parentZoneId"
            yield Problem("zoneId", text)
        if self.zone_id and (self.zone or self.parent_zone_id):
            text = "is for an existing zone; zone and parentZoneId are for a new one. Set only one of the two"
            yield Problem("zoneId", text)

    def _zone_and_parent(self) -> Iterator[Problem]:
        if self.zone and not self.parent_zone_id and not self.zone_id:
            yield Problem("parentZoneId", f"missing; set the ID of the zone above {self.zone}")
        if self.parent_zone_id and not self.zone and not self.zone_id:
            parent = arm_segment(self.parent_zone_id, "dnsZones")
            yield Problem("zone", f"missing; set the name of the zone to create, such as ci.{parent}")

    def _inside_parent(self) -> Iterator[Problem]:
        if self.zone and self.parent_zone_id:
            parent = arm_segment(self.parent_zone_id, "dnsZones")
            if not self.zone.endswith(f".{parent}"):
                label = "ci" if f".{parent}".endswith(f".{self.zone}") else self.zone.partition(".")[0]
                text = f"{self.zone} is not inside {parent}; use a name such as {label}.{parent}"
                yield Problem("zone", text)
