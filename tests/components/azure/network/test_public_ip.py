"""The public ingress address."""

import pytest
from pulumi import Output

from components.azure.network.public_ip import IngressPublicIp
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role

TYPE = "azure-native:network:PublicIPAddress"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"


def made(run, keep=None, *, location="westeurope", protected=True):
    context = AzureContext("stateful", location, {"environment": "test"}, protected)

    def program():
        address = IngressPublicIp("ingress", context=context, principal="principal-of-cluster")
        if keep:
            Output.all(address.name, address.group).apply(keep)

    return run(program)


def test_the_address_is_static_and_outlives_the_cluster(run):
    address = made(run).one(TYPE)
    assert address.inputs["publicIPAllocationMethod"] == "Static"
    assert address.inputs["sku"]["name"] == "Standard"
    assert address.inputs["resourceGroupName"] == "stateful"


@pytest.mark.parametrize("protected", [True, False])
def test_the_address_is_protected_in_a_protected_stack(run, protected):
    assert made(run, protected=protected).one(TYPE).options.get("protect", False) is protected


def test_the_address_is_zone_redundant_where_the_region_has_zones(run):
    assert made(run).one(TYPE).inputs["zones"] == ["1", "2", "3"]
    assert "zones" not in made(run, location="ukwest").one(TYPE).inputs


def test_the_cluster_may_use_the_address_and_only_read_its_group(run):
    """It finds the address by listing the group's addresses. The group also holds data."""
    recorder = made(run)
    given = recorder.named(ASSIGNMENT)
    use, find = given["ingress-use"].inputs, given["ingress-find"].inputs
    assert use["roleDefinitionId"].endswith(Role.NETWORK_CONTRIBUTOR)
    assert use["scope"].endswith("/publicIPAddresses/ingress")
    assert find["roleDefinitionId"].endswith(Role.READER)
    assert find["scope"].endswith("/resourceGroups/stateful")
    assert use["principalId"] == find["principalId"] == "principal-of-cluster"


def test_the_outputs_have_the_addresss_name_and_group(run):
    kept = []
    made(run, kept.append)
    assert kept == [["ingress", "stateful"]]
