"""The zone that the stack's public names are in."""

from collections.abc import Iterable, Iterator

import pulumi_azure_native as az
from pulumi import ComponentResource, Output, ProviderResource, ResourceOptions

from components.azure import part
from components.groups import Place
from components.model import Check, DnsName, Model, Problem, ZoneId

DELEGATION_TTL = 3600
"""Seconds for which a resolver keeps the zone's name servers. They never change while the zone lives."""


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
        return part(self.zone_id, "dnsZones") if self.zone_id else str(self.zone)

    @property
    def given_subscription(self) -> str:
        """Where the zone is that exists already: it need not be the stack's own."""
        return part(self.zone_id or str(self.parent_zone_id), "subscriptions")

    @property
    def label(self) -> str:
        """The made zone's name without its parent's: the record in the parent."""
        return self.name.removesuffix("." + part(str(self.parent_zone_id), "dnsZones"))

    def checks(self) -> Iterable[Check]:
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
            parent = part(self.parent_zone_id, "dnsZones")
            yield Problem("zone", f"missing; the name to make, such as ci.{parent}")

    def _inside_parent(self) -> Iterator[Problem]:
        if self.zone and self.parent_zone_id:
            parent = part(self.parent_zone_id, "dnsZones")
            if not self.zone.endswith(f".{parent}"):
                yield Problem("zone", f"{self.zone} is not inside {parent}; such as ci.{parent} is")


class Dns(ComponentResource):
    """The stack's zone, found from the internet."""

    zone: Output[str]
    """The zone's id; known once the internet asks it."""
    name: str

    def __init__(
        self,
        name: str,
        settings: DnsSettings,
        *,
        place: Place,
        given: ProviderResource,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`given` works in the subscription of the zone that exists already."""
        super().__init__("platform:index:Dns", name, None, opts)
        self.name = settings.name
        existing = settings.zone_id
        self.zone = Output.from_input(existing) if existing else self._made(name, settings, place, given)
        if settings.authorities:
            az.dns.RecordSet(
                f"{name}-authorities",
                record_type="CAA",
                relative_record_set_name="@",
                zone_name=self.zone.apply(lambda id_: part(id_, "dnsZones")),
                resource_group_name=self.zone.apply(lambda id_: part(id_, "resourceGroups")),
                ttl=DELEGATION_TTL,
                caa_records=[
                    az.dns.CaaRecordArgs(flags=0, tag="issue", value=authority)
                    for authority in settings.authorities
                ],
                opts=ResourceOptions(parent=self, provider=given if existing else None),
            )
        self.register_outputs({"zone": self.zone})

    def _made(self, name: str, settings: DnsSettings, place: Place, given: ProviderResource) -> Output[str]:
        """Id of a zone of the stack's own, and the way to it in the parent."""
        zone = az.dns.Zone(
            name,
            zone_name=settings.name,
            resource_group_name=place.group,
            location="Global",  # DNS is in no region, and the group's would be taken
            tags=place.tags,
            # Another one of this name has other name servers.
            opts=ResourceOptions(parent=self, protect=place.protected, retain_on_delete=place.protected),
        )
        parent = str(settings.parent_zone_id)
        delegation = az.dns.RecordSet(
            f"{name}-delegation",
            record_type="NS",
            relative_record_set_name=settings.label,
            zone_name=part(parent, "dnsZones"),
            resource_group_name=part(parent, "resourceGroups"),
            ttl=DELEGATION_TTL,
            ns_records=zone.name_servers.apply(
                lambda servers: [az.dns.NsRecordArgs(nsdname=server) for server in servers]
            ),
            opts=ResourceOptions(parent=self, provider=given),
        )
        return Output.all(zone.id, delegation.id).apply(lambda ids: str(ids[0]))
