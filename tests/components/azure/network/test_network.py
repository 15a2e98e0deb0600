"""The network: subnets, security rules, private DNS and egress."""

import itertools

import pytest

from components.azure.network.network import Network
from components.azure.network.settings import NetworkSettings
from components.azure.resource_groups import AzureContext
from tests.support.recorder import SUBSCRIPTION

SETTINGS = {
    "addressSpace": "10.20.0.0/16",
    "subnets": {"nodes": "10.20.0.0/20", "database": "10.20.16.0/28", "endpoints": "10.20.16.32/27"},
}
TYPE = "azure-native:network:"


def made(run, location="westeurope", **changes):
    compute = AzureContext("compute", location, {"environment": "test"}, protected=True)
    stateful = AzureContext("stateful", location, {"environment": "test"}, protected=True)
    settings = NetworkSettings.model_validate(SETTINGS | changes)
    return run(lambda: Network("network", settings, compute=compute, stateful=stateful))


@pytest.fixture
def network(run):
    return made(run)


def test_subnets_are_created_one_at_a_time(network):
    """Azure rejects concurrent changes to a network."""
    subnets = network.named(f"{TYPE}Subnet")
    chain = ["network-endpoints", "network-database", "network-nodes"]
    for before, after in itertools.pairwise(chain):
        assert subnets[before].urn in subnets[after].options["dependencies"]


def test_the_zones_link_is_deleted_before_the_subnet(network):
    """The subnet is otherwise in use (hashicorp/terraform-provider-azurerm#15728)."""
    link = network.one("azure-native:privatedns:VirtualNetworkLink")
    assert network.named(f"{TYPE}Subnet")["network-database"].urn in link.options["dependencies"]


def test_the_network_resource_does_not_list_subnets(network):
    """Two resources that manage one list would remove each other's entries."""
    assert "subnets" not in network.one(f"{TYPE}VirtualNetwork").inputs


def test_no_subnet_has_default_outbound_access(network):
    for subnet in network.of_type(f"{TYPE}Subnet"):
        if subnet.name != "network-database":  # Azure ignores it on a delegated subnet
            assert subnet.inputs["defaultOutboundAccess"] is False


def test_only_nodes_use_the_nat_gateway(network):
    subnets = network.named(f"{TYPE}Subnet")
    assert "network-egress-gateway" in subnets["network-nodes"].inputs["natGateway"]["id"]
    assert "natGateway" not in subnets["network-database"].inputs
    assert "natGateway" not in subnets["network-endpoints"].inputs


def test_service_endpoints(network):
    """A service admits only subnets with an endpoint for it. PostgreSQL adds the one for its log."""
    found = {
        name: [endpoint["service"] for endpoint in subnet.inputs.get("serviceEndpoints", [])]
        for name, subnet in network.named(f"{TYPE}Subnet").items()
    }
    assert found.pop("network-nodes") == ["Microsoft.KeyVault", "Microsoft.Storage"]
    assert found == {"network-database": ["Microsoft.Storage"], "network-endpoints": []}


def test_every_subnet_has_a_security_group(network):
    for subnet in network.of_type(f"{TYPE}Subnet"):
        assert subnet.name in subnet.inputs["networkSecurityGroup"]["id"]


def test_only_nodes_and_the_standby_reach_the_database(network):
    group = network.named(f"{TYPE}NetworkSecurityGroup")["network-database"]
    rules = sorted(group.inputs["securityRules"], key=lambda rule: rule["priority"])
    assert [(rule["access"], rule["sourceAddressPrefix"]) for rule in rules] == [
        ("Allow", "10.20.0.0/20"),
        ("Allow", "10.20.16.0/28"),
        ("Deny", "VirtualNetwork"),
    ]
    assert {tuple(rule["destinationPortRanges"]) for rule in rules} == {("5432", "6432")}


def test_the_internet_reaches_only_web_ports(network):
    rules = [
        rule
        for group in network.of_type(f"{TYPE}NetworkSecurityGroup")
        for rule in group.inputs["securityRules"]
        if rule["sourceAddressPrefix"] == "Internet"
    ]
    assert [rule["destinationPortRanges"] for rule in rules] == [["80", "443"]]


def test_the_database_subnet_is_delegated_to_postgresql(network):
    subnet = network.named(f"{TYPE}Subnet")["network-database"]
    [delegation] = subnet.inputs["delegations"]
    assert delegation["serviceName"] == "Microsoft.DBforPostgreSQL/flexibleServers"


def test_the_private_zone_has_no_region(network):
    """Otherwise it inherits the group's region, which DNS rejects."""
    for kind in ("PrivateZone", "VirtualNetworkLink"):
        assert network.one(f"azure-native:privatedns:{kind}").inputs["location"] == "Global"


def test_the_private_zone_has_postgresqls_suffix(network):
    zone = network.one("azure-native:privatedns:PrivateZone").inputs["privateZoneName"]
    assert zone.endswith(".postgres.database.azure.com")


def test_a_network_without_a_database_subnet_has_no_private_zone(run):
    subnets = {"nodes": "10.20.0.0/20", "endpoints": "10.20.16.32/27"}
    network = made(run, subnets=subnets)
    assert network.of_type("azure-native:privatedns:PrivateZone") == []
    assert set(network.named(f"{TYPE}Subnet")) == {"network-nodes", "network-endpoints"}


def test_egress_addresses_are_static_and_outlive_the_cluster(network):
    address = network.one(f"{TYPE}PublicIPAddress")
    assert address.inputs["publicIPAllocationMethod"] == "Static"
    assert address.inputs["resourceGroupName"] == "stateful"
    assert address.options["protect"] is True


def test_egress_addresses_are_zone_redundant_where_the_region_has_zones(run):
    assert made(run).one(f"{TYPE}PublicIPAddress").inputs["zones"] == ["1", "2", "3"]
    assert "zones" not in made(run, location="ukwest").one(f"{TYPE}PublicIPAddress").inputs


def test_the_nat_gateway_has_all_egress_addresses(run):
    network = made(run, egressAddresses=3)
    gateway = network.one(f"{TYPE}NatGateway")
    assert len(gateway.inputs["publicIpAddresses"]) == len(network.of_type(f"{TYPE}PublicIPAddress")) == 3


def test_egress_addresses_exist_without_a_nat_gateway(run):
    network = made(run, egress="loadBalancer")
    assert network.of_type(f"{TYPE}NatGateway") == []
    assert len(network.of_type(f"{TYPE}PublicIPAddress")) == 1
    assert "natGateway" not in network.named(f"{TYPE}Subnet")["network-nodes"].inputs


def test_egress_is_told_as_ranges_whoever_has_the_addresses(run):
    """They are pasted into the allow lists of others, which take ranges."""
    seen = {}

    def program(name, **changes):
        context = AzureContext("group", "westeurope", {"environment": "test"}, protected=True)
        settings = NetworkSettings.model_validate(SETTINGS | changes)
        network = Network("network", settings, compute=context, stateful=context)
        network.egress.ranges.apply(lambda ranges: seen.update({name: ranges}))

    run(lambda: program("own"))
    nodes = f"{SUBSCRIPTION}/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
    existing = {"nodes": nodes, "egressRanges": ["203.0.113.9", "198.51.100.0/28"]}
    run(lambda: program("given", existing=existing))
    assert seen["given"] == ["203.0.113.9/32", "198.51.100.0/28"]
    assert [each.partition("/")[2] for each in seen["own"]] == ["32"]
