"""What a preview says beyond the engine's events."""

import pytest

from deploy.remarks import RELEASE, SERVER, refused_later, without_effect
from deploy.stack_file import settings
from tests.support.recorder import STACKS


def server(size):
    return [{"type": SERVER, "urn": "urn", "inputs": {"storage": {"storageSizeGB": float(size)}}}]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (64, "the server has 64: while autoGrow is true, Azure alone adds storage"),
        (256, "never shrinks. Set 256"),
    ],
)
def test_a_size_of_storage_that_no_update_changes_is_told(size, expected):
    prod = settings("prod")
    database = prod.database.model_copy(update={"storage_gb": 128, "auto_grow": True})
    changed = prod.model_copy(update={"database": database})
    [(text, where)] = without_effect(changed, server(size))
    assert expected in text
    assert where == "urn"
    assert not list(without_effect(changed, server(128)))
    fixed = database.model_copy(update={"auto_grow": False})
    assert not list(without_effect(prod.model_copy(update={"database": fixed}), server(size)))


def test_a_restored_server_has_no_size_of_its_own():
    """Its disk is that of its source."""
    restored = [{"type": SERVER, "urn": "urn", "inputs": {"storage": {"autoGrow": "Enabled"}}}]
    assert not list(without_effect(settings("prod"), restored))


@pytest.mark.parametrize("stack", STACKS)
def test_the_state_has_the_size_where_it_is_looked_for(run_stack, stack):
    resources = [
        {"type": each.type, "urn": each.urn, "inputs": each.inputs} for each in run_stack(stack).resources
    ]
    assert sum(each["type"] == SERVER for each in resources) == 1
    assert not list(without_effect(settings(stack), resources))
    other = settings(stack).database.model_copy(update={"storage_gb": 32768})
    assert list(without_effect(settings(stack).model_copy(update={"database": other}), resources))


@pytest.mark.parametrize("chart", ["consul", "oci://registry.example.org/consul", ".charts/consul-2.0.3.tgz"])
def test_a_preview_tells_that_kubernetes_will_refuse_a_larger_disk(chart):
    old, new = (
        {"chart": chart, "version": "2.0.3", "values": {"server": {"storage": size}}}
        for size in ("4Gi", "8Gi")
    )
    [text] = refused_later(RELEASE, old, new)
    assert "server.storage" in text
    assert "docs/runbooks/grow-a-disk.md" in text
    assert not list(refused_later(RELEASE, old, old))
    assert not list(refused_later(RELEASE, None, new))
