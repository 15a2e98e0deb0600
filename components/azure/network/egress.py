"""Egress to the internet through static public addresses, which others can add to allow lists."""

from collections.abc import Sequence

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.azure.catalog import zones
from components.azure.network.settings import Outbound
from components.azure.resource_groups import AzureContext
from components.component import Component


class Egress(Component):
    """Static public addresses, and a NAT gateway if `outbound` is natGateway."""

    outbound: Outbound
    gateway: Output[str] | None
    """ID of the NAT gateway, if there is one."""
    ids: tuple[Output[str], ...]
    """IDs of the public addresses."""
    addresses: tuple[Input[str], ...]
    """The public addresses; ranges (CIDR) of an existing network's firewall or NAT gateway."""
    ranges: Output[list[str]]
    """The same, all as ranges: for allow lists, such as another stack's `cluster.deployerRanges`."""

    def __init__(
        self,
        name: str,
        outbound: Outbound,
        *,
        count: int,
        given: Sequence[str] = (),
        compute: AzureContext,
        stateful: AzureContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`given` are ranges of somebody else's; then there is neither an address nor a gateway of ours."""
        super().__init__(name, opts)
        self.outbound = outbound
        addresses = [
            az.network.PublicIPAddress(
                f"{name}-{number}",
                **stateful.common,
                sku={"name": "Standard", "tier": "Regional"},
                public_ip_address_version="IPv4",
                public_ip_allocation_method="Static",
                zones=zones(stateful.location),
                # Other parties have it in their firewall rules.
                opts=ResourceOptions(parent=self, protect=stateful.protected),
            )
            for number in range(1, count + 1)
        ]
        self.ids = tuple(address.id for address in addresses)
        self.addresses = tuple(given) or tuple(address.ip_address.apply(str) for address in addresses)
        self.ranges = Output.all(*self.addresses).apply(
            lambda found: [each if "/" in each else f"{each}/32" for each in found]
        )
        self.gateway = None
        if outbound == "natGateway" and not given:
            gateway = az.network.NatGateway(
                f"{name}-gateway",
                **compute.common,
                sku={"name": "Standard"},
                public_ip_addresses=[{"id": id_} for id_ in self.ids],
                idle_timeout_in_minutes=10,
                opts=self.child,
            )
            self.gateway = gateway.id
        self.register_outputs({"addresses": self.addresses})
