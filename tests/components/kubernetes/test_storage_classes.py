"""Storage classes: what holds data outlives the cluster."""

import pytest
from pulumi import Output

from components.azure.resource_groups import AzureContext
from components.kubernetes.storage_classes import StorageClasses
from tests.support.recorder import SUBSCRIPTION

GROUP = f"{SUBSCRIPTION}/resourceGroups/stateful"


def made(run, location="westeurope"):
    context = AzureContext("stateful", location, {}, protected=True)
    return run(
        lambda: StorageClasses("classes", context=context, group=Output.from_input(GROUP), user="principal")
    )


@pytest.fixture
def classes(run):
    return made(run).named("kubernetes:storage.k8s.io/v1:StorageClass")


def test_a_disk_with_data_is_outside_of_the_clusters_own_group_and_kept(classes):
    """Azure deletes that group with the cluster."""
    assert classes["retain"].inputs["parameters"]["resourceGroup"] == "stateful"
    assert classes["retain"].inputs["reclaimPolicy"] == "Retain"


@pytest.mark.parametrize(("location", "copies"), [("westeurope", "ZRS"), ("northcentralus", "LRS")])
def test_a_disk_with_data_is_in_all_zones_where_there_are_zones(run, location, copies):
    classes = made(run, location).named("kubernetes:storage.k8s.io/v1:StorageClass")
    assert classes["retain"].inputs["parameters"]["skuName"] == f"Premium_{copies}"


def test_what_can_be_made_again_goes_with_its_claim(classes):
    assert classes["scratch"].inputs["reclaimPolicy"] == "Delete"


def test_a_disk_is_made_in_the_zone_of_its_pod(classes):
    for class_ in classes.values():
        assert class_.inputs["volumeBindingMode"] == "WaitForFirstConsumer"


def test_the_cluster_may_make_disks_in_the_stateful_group_and_no_more(run):
    [grant] = made(run).of_type("azure-native:authorization:RoleAssignment")
    assert grant.inputs["scope"] == GROUP
    assert grant.inputs["roleDefinitionId"].endswith("9980e02c-c2be-4d73-94e8-173b1dc7cf3c")
