"""The platform's public ingress address."""

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.catalog import zones
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.component import Component, after


class IngressPublicIp(Component):
    """A static address for the DNS records and the cluster's load balancer. It outlives the cluster."""

    address: Output[str]
    name: Output[str]
    """Name of the address, for the Service annotation; known once the cluster has access to it."""
    group: Output[str]
    """Name of the resource group; known at the same time as `name`."""

    def __init__(
        self, name: str, *, context: AzureContext, principal: Input[str], opts: ResourceOptions | None = None
    ) -> None:
        """`principal` is the principal of the cluster's own identity."""
        super().__init__(name, opts)
        address = az.network.PublicIPAddress(
            name,
            **context.common,
            sku={"name": "Standard", "tier": "Regional"},
            public_ip_address_version="IPv4",
            public_ip_allocation_method="Static",
            zones=zones(context.location),
            idle_timeout_in_minutes=30,  # fly and workers use long-lived connections
            opts=ResourceOptions(parent=self, protect=context.protected),
        )
        # To find an address by name, the cluster lists all addresses in the resource group.
        group = address.id.apply(lambda id_: id_.partition("/providers/")[0])
        network_role, reader = Role.NETWORK_CONTRIBUTOR, Role.READER
        grants = [
            grant(f"{name}-use", network_role, principal=principal, scope=address.id, parent=self),
            grant(f"{name}-find", reader, principal=principal, scope=group, parent=self),
        ]
        usable = ArmId(after(address.id, *(assigned.id for assigned in grants)))
        self.address = address.ip_address.apply(str)
        self.name = usable.name
        self.group = usable.resource_group
        self.register_outputs({"address": self.address, "name": self.name})
