"""The objects before the first `up` are created once. Only the caller follows the program."""

import pytest

from rehearsal import entra, serve
from rehearsal.resource_types import Request
from rehearsal.store import Store
from tests.rehearsal.test_failures import SETTINGS

GROUP = SETTINGS["platform:cluster"]["adminGroupObjectIds"][0]


@pytest.fixture
def started(tmp_path):
    """Starts the clouds of one folder."""

    def start():
        store = Store(tmp_path)
        serve.preconditions(store, SETTINGS)
        return store

    return start


def test_the_caller_of_an_older_folder_gets_the_graph_permissions_of_this_program(started):
    old = started()
    kept = old.get("/caller")
    old.put("/caller", "given", {k: v for k, v in kept["inputs"].items() if k != "graph"}, {})
    request = Request(old, "/groups/new", entra.GROUP, {"displayName": "new"})
    assert entra.unwritable(request)
    request.store = started()
    assert not entra.unwritable(request)
    assert request.store.get("/caller") == kept


def test_a_changed_group_of_an_older_folder_stays(started):
    old = started()
    old.put(f"/groups/{GROUP}", "given", {"displayName": "renamed"}, {})
    assert started().get(f"/groups/{GROUP}")["inputs"] == {"displayName": "renamed"}


def test_a_second_start_writes_nothing(started):
    assert started().writes
    assert not started().writes
