"""DNS records for the platform's hosts in the stack's zone."""

from collections.abc import Mapping

import pulumi_azure_native as az
from pulumi import Input, Output, ProviderResource, ResourceOptions

from components.azure.catalog import arm_segment
from components.component import Component

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
        records = [
            az.dns.RecordSet(
                f"{name}-{purpose}",
                record_type="A",
                relative_record_set_name=label,
                zone_name=zone.apply(lambda id_: arm_segment(id_, "dnsZones")),
                resource_group_name=zone.apply(lambda id_: arm_segment(id_, "resourceGroups")),
                ttl=TTL,
                a_records=[az.dns.ARecordArgs(ipv4_address=address)],
                opts=ResourceOptions(parent=self, provider=provider),
            )
            for purpose, label in hosts.items()
        ]
        self.names = Output.all(*(record.id for record in records)).apply(lambda _: list(hosts.values()))
        self.register_outputs({"names": self.names})
