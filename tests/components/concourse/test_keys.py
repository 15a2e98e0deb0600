"""Rotation of the keys between web nodes and workers: which key each side has, and which it accepts."""

import pytest
from pulumi import Output

from components.azure.resource_groups import AzureContext
from components.concourse.keys import ConcourseKeys
from components.concourse.settings import KeySettings
from components.concourse.web_secret import web_secret
from tests.components.concourse.test_web import DATABASE, LOGIN

BEFORE = {}
DURING = {"rotation": "2026-12", "previous": "2026-11"}
AFTER = {"rotation": "2026-12"}


@pytest.fixture
def sides(run):
    """What web nodes and workers hold in a step of the rotation, by the names of the keys."""

    def found(step):
        def program():
            keys = ConcourseKeys(
                "c", pools=["workers1"], rotation=KeySettings(**step), epochs=["2026-11"],
                context=AzureContext("group", "westeurope", {}, protected=True), vault="kv",
            )  # fmt: skip
            web = web_secret(
                keys=keys, rotating=False, users="", database=DATABASE, login=LOGIN, vault=None,
                shared=["workers1"], teams={},
            )  # fmt: skip
            names = ("host-key", "session-signing-key", "worker-key-pub")
            worker = {"worker-key": keys.pools["workers1"].private, "host-key-pub": keys.host_keys}
            Output.all(**{name: web[name] for name in names}, **worker).apply(seen.update)

        seen = {}
        run(program)
        return {
            name: text.replace("the-private-key-of-", "").replace("ssh-rsa ", "").split()
            for name, text in seen.items()
        }

    return found


def test_the_first_months_keys_have_the_names_that_stacks_without_rotation_have(sides):
    assert sides(BEFORE) == {
        "host-key": ["c-host"],
        "session-signing-key": ["c-session"],
        "worker-key-pub": ["c-workers1"],
        "worker-key": ["c-workers1"],
        "host-key-pub": ["c-host"],
    }


@pytest.mark.parametrize(("web", "worker"), [
    (BEFORE, BEFORE), (DURING, BEFORE), (DURING, DURING), (AFTER, DURING), (AFTER, AFTER),
])  # fmt: skip
def test_workers_and_web_nodes_accept_each_other_in_every_order_of_their_restarts(sides, web, worker):
    """A worker restarts hours after the web nodes, and reconnects to nodes of the next step."""
    [host], accepted = sides(web)["host-key"], sides(web)["worker-key-pub"]
    [key], known = sides(worker)["worker-key"], sides(worker)["host-key-pub"]
    assert key in accepted
    assert host in known


def test_afterwards_nobody_accepts_an_old_key(sides):
    assert {name for names in sides(AFTER).values() for name in names} == {
        "c-host-2026-12", "c-session-2026-12", "c-workers1-2026-12",
    }  # fmt: skip


def test_a_workers_secret_gets_a_key_after_the_web_nodes_accept_it(run_stack):
    recorder = run_stack("prod")
    dependencies = recorder.named("kubernetes:core/v1:Secret")["workers1-worker"].options["dependencies"]
    assert recorder.named("kubernetes:helm.sh/v3:Release")["concourse"].urn in dependencies
