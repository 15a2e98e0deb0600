"""Updates in place that lose a part of the data."""

import copy

import pytest

from components.config.kept_data import KEPT, losses
from tests.support.bad_changes import changed
from tests.support.recorder import RELEASE, STACKS, revealed

SERVER = "azure-native:dbforpostgresql:Server"
BLOBS = "azure-native:storage:BlobServiceProperties"
POLICY = "azure-native:storage:ManagementPolicy"
DAYS = "policy/rules/0/definition/actions/version/delete/daysAfterCreationGreaterThan"


@pytest.mark.parametrize(
    ("type_", "name", "path", "value", "told"),
    [
        (SERVER, "database", "backup/backupRetentionDays", 34, "backup.backupRetentionDays goes from 35"),
        (SERVER, "database", "storage/storageSizeGB", 256, "storage.storageSizeGB goes from 512"),
        (POLICY, "backups", DAYS, 1, "rules[0].definition.actions.version"),
        (BLOBS, "backups", "isVersioningEnabled", False, "earlier versions"),
        (RELEASE, "consul", "values/server/storage", "8Gi", "values.server.storage goes from 16Gi to 8Gi"),
        (RELEASE, "consul", "values/server/storage", "17G", "values.server.storage goes from 16Gi to 17G"),
        (RELEASE, "grafana", "values/persistence/size", "1Gi", "values.persistence.size goes from 16Gi"),
    ],
)  # fmt: skip
def test_a_smaller_number_is_a_loss_and_a_larger_one_is_none(run_stack, type_, name, path, value, told):
    old = revealed(run_stack("prod").named(type_)[name].inputs)
    new = copy.deepcopy(old)
    changed(new, path, value)
    assert list(losses(type_, old, old)) == []
    assert list(losses(type_, new, old)) == []
    [lost] = losses(type_, old, new)
    assert told in lost


def test_an_unknown_number_is_no_loss():
    old = {"backup": {"backupRetentionDays": 14}}
    assert list(losses(SERVER, old, {"backup": {"backupRetentionDays": object()}})) == []
    assert list(losses(SERVER, old, {"backup": object()})) == []
    assert list(losses(SERVER, None, old)) == []


def disks(value, path=""):
    """Paths of requested disks that outlive their pods, in the values of a release."""
    if isinstance(value, dict):
        retained = "retain" in (value.get("storageClass"), value.get("storageClassName"))
        for key in ("size", "storage"):
            if retained and isinstance(value.get(key), str):
                yield f"{path}.{key}"
        if retained and "storage" in value.get("resources", {}).get("requests", {}):
            yield f"{path}.resources.requests.storage"
        for key, inner in value.items():
            yield from disks(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from disks(inner, f"{path}.*")


@pytest.mark.parametrize("stack", STACKS)
def test_every_retained_disk_of_a_release_is_kept(run_stack, stack):
    found = {
        path.removeprefix(".") for each in run_stack(stack).of_type(RELEASE) for path in disks(each.inputs)
    }
    assert found == {kept.path for kept in KEPT[RELEASE]}
