"""How the platform goes out to the internet: by fixed public addresses that others can let in."""

import pulumi_azure_native as az
from pulumi import Output, ResourceOptions

from components.azure.catalog import zones
from components.azure.network.settings import Outbound
from components.azure.resource_groups import AzureContext
from components.component import Component


class Egress(Component):
    """Static addresses, and the NAT gateway in front of them where nodes go out by one."""

    outbound: Outbound
    gateway: Output[str] | None
    """Id of the NAT gateway."""
    ids: tuple[Output[str], ...]
    """Ids of the addresses."""
    addresses: tuple[Output[str], ...]

    def __init__(
        self,
        name: str,
        outbound: Outbound,
        *,
        count: int,
        compute: AzureContext,
        stateful: AzureContext,
        opts: ResourceOptions | None = None,
    ) -> None:
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
                # It is in others' firewalls.
                opts=ResourceOptions(parent=self, protect=stateful.protected),
            )
            for number in range(1, count + 1)
        ]
        self.ids = tuple(address.id for address in addresses)
        self.addresses = tuple(address.ip_address.apply(str) for address in addresses)
        self.gateway = None
        if outbound == "natGateway":
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
