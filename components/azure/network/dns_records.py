"""DNS records for the platform's hosts in the stack's zone."""

from collections.abc import Mapping

import pulumi_azure_native as az
from pulumi import Input, Output, ProviderResource, ResourceOptions

from components.azure.arm_id import ArmId
from components.component import Component, after

TTL = 300
"""Seconds for which resolvers cache an address. Addresses change when the stack is re-created."""


class DnsRecords(Component):
    """An A record for each host."""

    names: Output[list[str]]
    """Host names relative to the zone; known once all records exist."""

    def __init__(
        self,
        name: str,
        *,
        zone: Output[str],
        address: Input[str],
        hosts: Mapping[str, str],
        provider: ProviderResource,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`zone` is the zone's ID, `provider` uses its subscription, `hosts` maps purposes to DNS labels."""
        super().__init__(name, opts)
        zone_id = ArmId(zone)
        records = [
            az.dns.RecordSet(
                f"{name}-{purpose}",
                record_type="A",
                relative_record_set_name=label,
                zone_name=zone_id.name,
                resource_group_name=zone_id.resource_group,
                ttl=TTL,
                a_records=[az.dns.ARecordArgs(ipv4_address=address)],
                opts=ResourceOptions(parent=self, provider=provider),
            )
            for purpose, label in hosts.items()
        ]
        self.names = after(list(hosts.values()), *(record.id for record in records))
        self.register_outputs({"names": self.names})
