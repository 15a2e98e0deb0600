"""The public address that people and pipelines reach the platform at."""

import pulumi_azure_native as az
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.azure.catalog import part, zones
from components.azure.resource_groups import Place
from components.azure.roles import Role, grant


class Address(ComponentResource):
    """A fixed address, which names lead to. It outlives the cluster, whose load balancer answers there."""

    address: Output[str]
    name: Output[str]
    """For the Service's annotation; known once the cluster may use the address."""
    group: Output[str]
    """The resource group's, as `name`."""

    def __init__(
        self, name: str, *, place: Place, user: Input[str], opts: ResourceOptions | None = None
    ) -> None:
        """`user` is the principal of the cluster's own identity."""
        super().__init__("platform:index:Address", name, None, opts)
        address = az.network.PublicIPAddress(
            name,
            **place.where,
            sku={"name": "Standard", "tier": "Regional"},
            public_ip_address_version="IPv4",
            public_ip_allocation_method="Static",
            zones=zones(place.location),
            idle_timeout_in_minutes=30,  # fly and workers keep connections open
            opts=ResourceOptions(parent=self, protect=place.protected),
        )
        # To find an address by its name, the cluster lists those of the group.
        group = address.id.apply(lambda id_: id_.partition("/providers/")[0])
        grants = [
            grant(f"{name}-use", Role.NETWORK_CONTRIBUTOR, principal=user, scope=address.id, parent=self),
            grant(f"{name}-find", Role.READER, principal=user, scope=group, parent=self),
        ]
        usable = Output.all(address.id, *(given.id for given in grants)).apply(lambda ids: str(ids[0]))
        self.address = address.ip_address.apply(str)
        self.name = usable.apply(lambda id_: part(id_, "publicIPAddresses"))
        self.group = usable.apply(lambda id_: part(id_, "resourceGroups"))
        self.register_outputs({"address": self.address, "name": self.name})
