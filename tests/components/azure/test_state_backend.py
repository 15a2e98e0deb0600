"""The state backend: versioning, access and protection."""

import runpy

import pytest
import yaml
from pulumi import runtime
from pulumi.runtime.config import set_all_config

from tests.support.recorder import ROOT, encoded, recording

CONTAINER = "azure-native:storage:BlobContainer"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
HOLDING = (
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:StorageAccount",
    CONTAINER,
    "azure-native:keyvault:Vault",
    "azure-native:keyvault:Key",
)


def config(**changed):
    file = yaml.safe_load((ROOT / "bootstrap" / "Pulumi.state.yaml").read_text())
    return {"platform-bootstrap:state": file["config"]["platform-bootstrap:state"] | changed}


def program(recorder, given):
    set_all_config(encoded(given), [])
    runtime.test(
        lambda: runpy.run_path(str(ROOT / "bootstrap" / "__main__.py"), run_name="__main__") and None
    )()
    return recorder


@pytest.fixture
def recorded():
    return program(recording("state", project="platform-bootstrap"), config())


def test_versioning_is_enabled_before_the_container_exists(recorded):
    (service,) = recorded.of_type("azure-native:storage:BlobServiceProperties")
    assert service.inputs["isVersioningEnabled"] is True
    assert service.inputs["deleteRetentionPolicy"]["days"] == 90
    (container,) = recorded.of_type(CONTAINER)
    assert any("BlobServiceProperties" in urn for urn in container.options["dependencies"])


def test_only_entra_logins_work(recorded):
    (account,) = recorded.of_type("azure-native:storage:StorageAccount")
    assert account.inputs["allowSharedKeyAccess"] is False
    assert account.inputs["allowBlobPublicAccess"] is False
    assert {each.inputs["principalType"] for each in recorded.of_type(ASSIGNMENT)} == {"Group"}


@pytest.mark.parametrize("type_", HOLDING)
def test_resources_with_the_state_are_protected(recorded, type_):
    (found,) = recorded.of_type(type_)
    assert found.options["protect"] is True


def test_an_invalid_setting_is_reported_with_its_key():
    with pytest.raises(Exception, match="location"):
        program(recording("state", project="platform-bootstrap"), config(location="westeuropa"))
