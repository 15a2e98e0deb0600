"""Storage classes: disks with data outlive the cluster."""

import pytest
from pulumi import Output

from components.azure.resource_groups import AzureContext
from components.kubernetes.storage_classes import StorageClasses
from tests.support.recorder import SUBSCRIPTION

GROUP = f"{SUBSCRIPTION}/resourceGroups/stateful"


def made(run, location="westeurope"):
    context = AzureContext("stateful", location, {}, protected=True)
    return run(
        lambda: StorageClasses(
            "classes", context=context, group=Output.from_input(GROUP), principal="principal"
        )
    )


@pytest.fixture
def classes(run):
    return made(run).named("kubernetes:storage.k8s.io/v1:StorageClass")


def test_retained_disks_are_outside_the_node_resource_group(classes):
    """Azure deletes that group together with the cluster."""
    assert classes["retain"].inputs["parameters"]["resourceGroup"] == "stateful"
    assert classes["retain"].inputs["reclaimPolicy"] == "Retain"


@pytest.mark.parametrize(("location", "redundancy"), [("westeurope", "ZRS"), ("northcentralus", "LRS")])
def test_retained_disks_are_zone_redundant_where_the_region_has_zones(run, location, redundancy):
    classes = made(run, location).named("kubernetes:storage.k8s.io/v1:StorageClass")
    assert classes["retain"].inputs["parameters"]["skuName"] == f"Premium_{redundancy}"


def test_scratch_disks_are_deleted_with_their_claims(classes):
    assert classes["scratch"].inputs["reclaimPolicy"] == "Delete"


def test_disks_are_created_in_the_zone_of_their_pod(classes):
    for class_ in classes.values():
        assert class_.inputs["volumeBindingMode"] == "WaitForFirstConsumer"


def test_the_cluster_may_create_disks_in_the_stateful_group_only(run):
    [grant] = made(run).of_type("azure-native:authorization:RoleAssignment")
    assert grant.inputs["scope"] == GROUP
    assert grant.inputs["roleDefinitionId"].endswith("9980e02c-c2be-4d73-94e8-173b1dc7cf3c")
