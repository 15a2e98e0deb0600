"""The names of the hosts, in the stack's zone."""

from collections.abc import Mapping

import pulumi_azure_native as az
from pulumi import Input, Output, ProviderResource, ResourceOptions

from components.azure.catalog import arm_segment
from components.component import Component

TTL = 300
"""Seconds for which a resolver keeps an address. It changes when the stack is made anew."""


class DnsRecords(Component):
    """An address for each host."""

    names: Output[list[str]]
    """Of the hosts within the zone; known once each has its address."""

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
        """`zone` is the zone's id, `provider` works in its subscription, `hosts` are labels by purpose."""
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
