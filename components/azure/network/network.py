"""The virtual network: subnets, security rules, private DNS and egress; or one that is there already."""

from collections.abc import Mapping
from ipaddress import IPv4Network

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions, get_stack

from components.azure.network.egress import Egress
from components.azure.network.security_rules import database_rules, node_rules
from components.azure.network.settings import ExistingNetwork, NetworkSettings
from components.azure.resource_groups import AzureContext
from components.component import Component, after

POSTGRES = "private.postgres.database.azure.com"
"""Azure requires a zone with this suffix. The server's public name is an alias for a name in it."""
OWN = "platform"
"""First label of the zone in a network of our own. In somebody else's it is the stack: a network, such as a
hub with DNS servers, is linked to one of a name (github.com/MicrosoftDocs/azure-aks-docs/issues/212)."""
SERVICES: Mapping[str, tuple[str, ...]] = {
    "nodes": ("Microsoft.KeyVault", "Microsoft.Storage"),
    "database": ("Microsoft.Storage",),
}
"""Services that a subnet reaches through service endpoints, which identify the subnet to them.

PostgreSQL itself adds Microsoft.Storage to its subnet, for its write-ahead log
(learn.microsoft.com/azure/postgresql/network/concepts-networking-private). Without it here every preview with
a refresh would take it away again."""
FIRST_TO_LAST = ("endpoints", "database", "nodes")
"""Order in which the subnets are created. Whoever gets the nodes' subnet starts after all of them."""


class Network(Component):
    """A virtual network with subnets, security rules, private DNS and egress."""

    id: Output[str]
    nodes: Output[str]
    """ID of the nodes' subnet."""
    database: Output[str] | None
    """ID of PostgreSQL's subnet, if there is one."""
    database_zone: Output[str] | None
    """ID of PostgreSQL's private DNS zone; known once the zone is linked to the network."""
    egress: Egress

    def __init__(
        self,
        name: str,
        settings: NetworkSettings,
        *,
        compute: AzureContext,
        stateful: AzureContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        existing = settings.existing
        self.egress = Egress(
            f"{name}-egress",
            settings.egress,
            count=settings.own_addresses,
            given=[str(net) for net in existing.egress_ranges] if existing else (),
            compute=compute,
            stateful=stateful,
            opts=self.child,
        )
        self.database = self.database_zone = None
        if existing:
            self._use(name, existing, stateful)
        else:
            self._create(name, settings, compute=compute, stateful=stateful)
        self.register_outputs({"nodes": self.nodes, "database": self.database})

    def _use(self, name: str, existing: ExistingNetwork, stateful: AzureContext) -> None:
        """Take the subnets of somebody else's network. Only the link of a zone of ours is written to it."""
        self.id, self.nodes = Output.from_input(existing.network), Output.from_input(existing.nodes)
        if existing.database:
            self.database = Output.from_input(existing.database)
            self.database_zone = (
                Output.from_input(existing.database_zone)
                if existing.database_zone
                else self._zone(name, get_stack(), existing.network, None, stateful)
            )

    def _create(
        self, name: str, settings: NetworkSettings, *, compute: AzureContext, stateful: AzureContext
    ) -> None:
        space = az.network.AddressSpaceArgs(address_prefixes=[str(settings.address_space)])
        network = az.network.VirtualNetwork(name, **compute.common, address_space=space, opts=self.child)
        self.id = network.id
        subnets = self._subnets(name, settings.subnets.named(), network, compute)
        self.nodes = subnets["nodes"].id
        if "database" in subnets:
            # No one may use a network while one of its subnets is being changed (SubnetsNotProvisioned).
            self.database = after(subnets["database"].id, self.nodes)
            self.database_zone = self._zone(name, OWN, network.id, subnets["database"], stateful)

    def _subnets(
        self,
        name: str,
        ranges: Mapping[str, IPv4Network],
        network: "az.network.VirtualNetwork",
        context: AzureContext,
    ) -> dict[str, "az.network.Subnet"]:
        rules = {"nodes": node_rules(), "database": database_rules(ranges), "endpoints": []}
        made: dict[str, az.network.Subnet] = {}
        for purpose in filter(ranges.__contains__, FIRST_TO_LAST):
            group = az.network.NetworkSecurityGroup(
                f"{name}-{purpose}",
                **context.common,
                security_rules=rules[purpose],
                opts=self.child,
            )
            made[purpose] = az.network.Subnet(
                f"{name}-{purpose}",
                subnet_name=purpose,
                resource_group_name=context.group,
                virtual_network_name=network.name,
                address_prefix=str(ranges[purpose]),
                # Egress only through the static addresses in others' allow lists. A delegated subnet has
                # no such setting (learn.microsoft.com/azure/virtual-network, default-outbound-access).
                default_outbound_access=None if purpose == "database" else False,
                nat_gateway={"id": self.egress.gateway}
                if purpose == "nodes" and self.egress.gateway
                else None,
                network_security_group={"id": group.id},
                delegations=[postgres()] if purpose == "database" else None,
                service_endpoints=[{"service": service} for service in SERVICES.get(purpose, ())] or None,
                private_endpoint_network_policies="Disabled",
                private_link_service_network_policies="Enabled",
                # Azure rejects concurrent changes to the subnets of one network.
                opts=ResourceOptions(parent=self, depends_on=list(made.values())),
            )
        return made

    def _zone(
        self,
        name: str,
        label: str,
        network: Input[str],
        subnet: "az.network.Subnet | None",
        context: AzureContext,
    ) -> Output[str]:
        zone = az.privatedns.PrivateZone(
            f"{name}-database",
            private_zone_name=f"{label}.{POSTGRES}",
            resource_group_name=context.group,
            location="Global",  # DNS has no region; the default would be the group's
            tags=context.tags,
            opts=ResourceOptions(parent=self, protect=context.protected),
        )
        link = az.privatedns.VirtualNetworkLink(
            f"{name}-database",
            virtual_network_link_name="platform",
            private_zone_name=zone.name,
            resource_group_name=context.group,
            location="Global",
            tags=context.tags,
            registration_enabled=False,
            virtual_network={"id": network},
            # Deleted before the subnet, which Azure otherwise still counts as in use.
            opts=ResourceOptions(parent=self, depends_on=[subnet] if subnet else []),
        )
        return after(zone.id, link.id)


def postgres() -> "az.network.DelegationArgs":
    """Delegation of a subnet for PostgreSQL's exclusive use."""
    service = "Microsoft.DBforPostgreSQL/flexibleServers"
    return az.network.DelegationArgs(name="postgresql", service_name=service)
