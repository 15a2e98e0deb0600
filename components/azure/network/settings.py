"""What a stack chooses about its network and its DNS zone."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from components.azure.catalog import arm_segment
from components.config.model import Model, Problem, Rule
from components.config.types import Cidr, DnsName, ZoneId, overlaps

SMALLEST_DATABASE_SUBNET = 28
Outbound = Literal["natGateway", "loadBalancer"]


class Subnets(Model):
    """Ranges inside the network's address space."""

    nodes: Cidr = Field(examples=["10.20.0.0/20"])
    """The cluster's nodes: one address each, since pods have a range of their own."""
    endpoints: Cidr = Field(examples=["10.20.16.32/27"])
    """Private endpoints of other services."""
    database: Cidr | None = Field(default=None, examples=["10.20.16.0/28"])
    """PostgreSQL's own subnet, a /28 or larger. Needed for `database.access: private`."""

    def named(self) -> dict[str, IPv4Network]:
        """The subnets that there are."""
        found = {"nodes": self.nodes, "database": self.database, "endpoints": self.endpoints}
        return {name: net for name, net in found.items() if net}


class NetworkSettings(Model):
    """The network: its ranges, and how it reaches the internet."""

    address_space: Cidr
    """The whole network. Apart from those of other stacks, in case they are joined one day."""
    subnets: Subnets
    egress: Outbound = "natGateway"
    """The way out. A NAT gateway has ports for many builds; the load balancer costs no more."""
    egress_addresses: int = Field(default=1, ge=1, le=16)
    """Public addresses to go out by, 64,512 ports each. 16 is a NAT gateway's limit."""

    def rules(self) -> Iterable[Rule]:
        return (self._subnets_inside, self._subnets_apart, self._database_fits)

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

    def _database_fits(self) -> Iterator[Problem]:
        net = self.subnets.database
        if net and net.prefixlen > SMALLEST_DATABASE_SUBNET:
            text = f"{net} is too small for PostgreSQL; use a /{SMALLEST_DATABASE_SUBNET} or larger"
            yield Problem("subnets.database", text)


class DnsSettings(Model):
    """The DNS zone: one that exists and is delegated, or one that is made below one that is."""

    zone_id: ZoneId | None = None
    """The id of a zone that exists and is delegated."""
    zone: DnsName | None = None
    """Or the name of a zone to make, inside the parent's."""
    parent_zone_id: ZoneId | None = None
    """The id of the delegated zone that the made one's name servers are written into."""
    authorities: tuple[DnsName, ...] = ("letsencrypt.org",)
    """Who may sign certificates for names in the zone (CAA). `[]` leaves the record to somebody else, as in
    a given zone that has one."""

    @property
    def name(self) -> str:
        """The zone's name, whichever way it is given."""
        return arm_segment(self.zone_id, "dnsZones") if self.zone_id else str(self.zone)

    @property
    def given_subscription(self) -> str:
        """Where the zone is that exists already: it need not be the stack's own."""
        return arm_segment(self.zone_id or str(self.parent_zone_id), "subscriptions")

    @property
    def label(self) -> str:
        """The made zone's name without its parent's: the record in the parent."""
        return self.name.removesuffix("." + arm_segment(str(self.parent_zone_id), "dnsZones"))

    def rules(self) -> Iterable[Rule]:
        return (self._one_way, self._both_halves, self._inside_parent)

    def _one_way(self) -> Iterator[Problem]:
        if not self.zone_id and not self.zone and not self.parent_zone_id:
            text = "missing; give the id of a zone that is delegated, or zone and parentZoneId"
            yield Problem("zoneId", text)
        if self.zone_id and (self.zone or self.parent_zone_id):
            text = "is for a zone that exists, zone and parentZoneId for one to make; give one or the other"
            yield Problem("zoneId", text)

    def _both_halves(self) -> Iterator[Problem]:
        if self.zone and not self.parent_zone_id and not self.zone_id:
            yield Problem("parentZoneId", f"missing; the zone that {self.zone} is to be found through")
        if self.parent_zone_id and not self.zone and not self.zone_id:
            parent = arm_segment(self.parent_zone_id, "dnsZones")
            yield Problem("zone", f"missing; the name to make, such as ci.{parent}")

    def _inside_parent(self) -> Iterator[Problem]:
        if self.zone and self.parent_zone_id:
            parent = arm_segment(self.parent_zone_id, "dnsZones")
            if not self.zone.endswith(f".{parent}"):
                yield Problem("zone", f"{self.zone} is not inside {parent}; such as ci.{parent} is")
