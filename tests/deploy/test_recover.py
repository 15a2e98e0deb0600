"""Pending creates are imported and pending releases are marked as failed."""

import ast
import base64
import gzip
import json

import pytest

from deploy.arm_ids import TEMPLATES, arm_id
from deploy.recover import failed, import_pending, pending_creates, resource_id
from deploy.render import RELEASE
from deploy.stack_file import ROOT, stacks
from rehearsal.leftovers import SimulatedCluster

GROUP = {
    "urn": "urn:pulumi:demo::platform::azure-native:resources:ResourceGroup::compute",
    "type": "azure-native:resources:ResourceGroup",
    "inputs": {"resourceGroupName": "compute"},
}
OTHER = {**GROUP, "urn": GROUP["urn"] + "2"}
STATE = {
    "resources": [],
    "pending_operations": [
        {"type": "creating", "resource": GROUP},
        {"type": "creating", "resource": OTHER},
        {"type": "updating", "resource": {**GROUP, "urn": "x"}},
    ],
}


def test_only_creations_are_pending_creates():
    assert pending_creates(STATE) == [GROUP, OTHER]
    assert pending_creates({}) == []


def test_a_pending_create_with_an_id_is_imported_and_no_operation_stays_pending():
    mended = import_pending(STATE, {GROUP["urn"]: "/subscriptions/s/resourceGroups/compute"})
    assert mended["resources"] == [{**GROUP, "id": "/subscriptions/s/resourceGroups/compute"}]
    assert not mended["pending_operations"]
    assert STATE["resources"] == []


def test_the_old_resource_of_a_pending_replacement_is_still_deleted():
    mended = import_pending({**STATE, "resources": [{**GROUP, "id": "old"}]}, {GROUP["urn"]: "new"})
    assert [(one["id"], one.get("delete")) for one in mended["resources"]] == [("old", True), ("new", None)]


def test_ids_are_derived_from_inputs():
    assert resource_id(GROUP, "s") == "/subscriptions/s/resourceGroups/compute"
    release = {"type": RELEASE, "inputs": {"namespace": "concourse", "name": "concourse"}}
    assert resource_id(release, "s") == "concourse/concourse"
    secret = {"type": "kubernetes:core/v1:Secret", "inputs": {"metadata": {"namespace": "a", "name": "b"}}}
    assert resource_id(secret, "s") == "a/b"
    assert resource_id({"type": "random:index/randomPassword:RandomPassword", "inputs": {}}, "s") is None


def test_a_stuck_release_is_marked_as_failed_and_nothing_else_in_its_record_changes():
    def packed(record):
        return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()

    record = {"name": "web", "info": {"status": "pending-upgrade"}, "manifest": "kept"}
    secret = {
        "metadata": {
            "name": "sh.helm.release.v1.web.v2",
            "labels": {"status": "pending-upgrade", "name": "web"},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": packed(record)},
    }
    mended = failed(secret)
    assert mended["metadata"]["labels"] == {"status": "failed", "name": "web"}
    unpacked = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(mended["data"]["release"]))))
    assert unpacked["info"]["status"] == "failed"
    assert unpacked["manifest"] == "kept"


def test_a_stuck_release_of_a_rehearsal_is_marked_as_failed(tmp_path):
    file = tmp_path / "cloud" / "web.json"
    file.parent.mkdir()
    stuck = {
        "id": "a/web",
        "type": RELEASE,
        "inputs": {},
        "outputs": {"status": {"status": "pending-install"}},
    }
    file.write_text(json.dumps(stuck))
    for name, record in SimulatedCluster(tmp_path).stuck():
        assert name == "a/web"
        SimulatedCluster(tmp_path).mark_failed(record)
    assert list(SimulatedCluster(tmp_path).stuck()) == []


@pytest.mark.parametrize("stack", stacks())
def test_every_azure_type_of_a_stack_has_an_id_template(run_stack, stack):
    types = {each.type for each in run_stack(stack).resources if each.type.startswith("azure-native:")}
    assert types
    assert types <= TEMPLATES.keys()


def test_an_azure_id_is_derived_from_the_names_in_the_inputs():
    inputs = {"resourceGroupName": "compute", "resourceName": "demo", "agentPoolName": "workers"}
    id_ = "/subscriptions/s/resourceGroups/compute/providers/Microsoft.ContainerService/managedClusters/demo"
    assert arm_id("azure-native:containerservice:ManagedCluster", inputs, "s") == id_
    assert arm_id("azure-native:containerservice:AgentPool", inputs, "s") == f"{id_}/agentPools/workers"
    assert arm_id("azure-native:containerservice:AgentPool", {"resourceName": "demo"}, "s") is None


def test_only_stack_imports_the_rehearsal_and_only_inside_functions():
    found = {
        (file.name, isinstance(parent, ast.Module))
        for file in (ROOT / "deploy").rglob("*.py")
        for parent in ast.walk(ast.parse(file.read_text()))
        for node in ast.iter_child_nodes(parent)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.partition(".")[0] == "rehearsal"
    }
    assert found == {("stack.py", False)}
