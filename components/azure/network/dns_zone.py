"""The DNS zone for the stack's public host names."""

import pulumi_azure_native as az
from pulumi import Output, ProviderResource, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.catalog import arm_segment
from components.azure.network.settings import DnsSettings
from components.azure.resource_groups import AzureContext
from components.component import Component, after

DELEGATION_TTL = 3600
"""Seconds for which resolvers cache the zone's name servers, which are fixed for the zone's lifetime."""


class DnsZone(Component):
    """The stack's publicly delegated DNS zone."""

    zone: Output[str]
    """The zone's ID; known once the zone is delegated."""
    name: str

    def __init__(
        self,
        name: str,
        settings: DnsSettings,
        *,
        context: AzureContext,
        parent_provider: ProviderResource,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`parent_provider` is the provider for the subscription of the existing zone or parent zone."""
        super().__init__(name, opts)
        self.name = settings.name
        existing = settings.zone_id
        self.zone = (
            Output.from_input(existing)
            if existing
            else self._create(name, settings, context, parent_provider)
        )
        if settings.authorities:
            zone_id = ArmId(self.zone)
            az.dns.RecordSet(
                f"{name}-authorities",
                record_type="CAA",
                relative_record_set_name="@",
                zone_name=zone_id.name,
                resource_group_name=zone_id.resource_group,
                ttl=DELEGATION_TTL,
                caa_records=[
                    az.dns.CaaRecordArgs(flags=0, tag="issue", value=authority)
                    for authority in settings.authorities
                ],
                opts=ResourceOptions(parent=self, provider=parent_provider if existing else None),
            )
        self.register_outputs({"zone": self.zone})

    def _create(
        self, name: str, settings: DnsSettings, context: AzureContext, parent_provider: ProviderResource
    ) -> Output[str]:
        """Create the stack's own zone and its delegation in the parent zone. Returns the zone's ID."""
        zone = az.dns.Zone(
            name,
            zone_name=settings.name,
            resource_group_name=context.group,
            location="Global",  # DNS has no region; the default would be the group's
            tags=context.tags,
            # A new zone of the same name would get different name servers.
            opts=ResourceOptions(parent=self, protect=context.protected, retain_on_delete=context.protected),
        )
        parent = str(settings.parent_zone_id)
        delegation = az.dns.RecordSet(
            f"{name}-delegation",
            record_type="NS",
            relative_record_set_name=settings.label,
            zone_name=arm_segment(parent, "dnsZones"),
            resource_group_name=arm_segment(parent, "resourceGroups"),
            ttl=DELEGATION_TTL,
            ns_records=zone.name_servers.apply(
                lambda servers: [az.dns.NsRecordArgs(nsdname=server) for server in servers]
            ),
            opts=ResourceOptions(parent=self, provider=parent_provider),
        )
        return after(zone.id, delegation.id)
