"""What exists before the first `up`: given once, but for who asks, which is as this program has it."""

import pytest

from rehearsal import entra, serve
from rehearsal.resource_types import Request
from rehearsal.store import RefusedError, Store
from tests.rehearsal.test_failures import SETTINGS

GROUP = SETTINGS["platform:cluster"]["adminGroupObjectIds"][0]


@pytest.fixture
def started(tmp_path):
    """The clouds of one folder, started anew."""

    def start():
        store = Store(tmp_path)
        serve.preconditions(store, SETTINGS)
        return store

    return start


def test_a_folder_from_before_callers_had_permissions_of_graph_lets_the_deployer_write(started):
    old = started()
    kept = old.get("/caller")
    old.put("/caller", "given", {k: v for k, v in kept["inputs"].items() if k != "graph"}, {})
    request = Request(old, "/groups/new", entra.GROUP, {"displayName": "new"})
    with pytest.raises(RefusedError, match="Authorization_RequestDenied"):
        entra.may_write(request)
    request.store = started()
    entra.may_write(request)
    assert request.store.get("/caller") == kept


def test_what_somebody_changed_of_the_rest_stays(started):
    old = started()
    old.put(f"/groups/{GROUP}", "given", {"displayName": "renamed"}, {})
    assert started().get(f"/groups/{GROUP}")["inputs"] == {"displayName": "renamed"}


def test_a_second_start_writes_nothing(started):
    assert started().writes
    assert not started().writes
