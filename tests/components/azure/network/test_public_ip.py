"""The public address: it stays, and the cluster may use it."""

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


def test_an_address_never_changes_and_outlives_the_cluster(run):
    address = made(run).one(TYPE)
    assert address.inputs["publicIPAllocationMethod"] == "Static"
    assert address.inputs["sku"]["name"] == "Standard"
    assert address.inputs["resourceGroupName"] == "stateful"


@pytest.mark.parametrize("protected", [True, False])
def test_an_address_is_protected_where_the_stack_says_so(run, protected):
    assert made(run, protected=protected).one(TYPE).options.get("protect", False) is protected


def test_an_address_survives_the_loss_of_a_zone_where_there_are_zones(run):
    assert made(run).one(TYPE).inputs["zones"] == ["1", "2", "3"]
    assert "zones" not in made(run, location="ukwest").one(TYPE).inputs


def test_the_cluster_uses_the_address_and_only_reads_what_is_beside_it(run):
    """It looks for an address by listing those of the group, which holds data."""
    recorder = made(run)
    given = recorder.named(ASSIGNMENT)
    use, find = given["ingress-use"].inputs, given["ingress-find"].inputs
    assert use["roleDefinitionId"].endswith(Role.NETWORK_CONTRIBUTOR)
    assert use["scope"].endswith("/publicIPAddresses/ingress")
    assert find["roleDefinitionId"].endswith(Role.READER)
    assert find["scope"].endswith("/resourceGroups/stateful")
    assert use["principalId"] == find["principalId"] == "principal-of-cluster"


def test_a_service_finds_the_address_by_name_and_group(run):
    kept = []
    made(run, kept.append)
    assert kept == [["ingress", "stateful"]]
