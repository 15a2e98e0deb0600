"""Entra's owners: another deployer rotates the secret of an application that it owns too."""

import pytest

from components.settings import validate
from deploy.stack_file import stacks
from rehearsal import serve, store
from tests.rehearsal.test_failures import RefusedError, World
from tests.support.recorder import stack_config

SECOND = "11111111-1111-4111-8111-111111111111"
APPLICATION, PASSWORD = (
    "azuread:index/application:Application",
    "azuread:index/applicationPassword:ApplicationPassword",
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "TURN", 0)
    made = World(tmp_path)
    made.store.put(f"/servicePrincipals/{SECOND}", "given", {}, {})
    return made


def application(world, *owners):
    inputs = {"displayName": "Concourse prod"} | ({"owners": [*owners]} if owners else {})
    world.ask(world.create({"as": "application", "type": APPLICATION, "inputs": inputs}))


def rotate(world, who):
    world.caller(objectId=who)
    world.ask(world.create({"type": PASSWORD, "inputs": {"applicationId": "${application.id}"}}))


def test_each_owner_rotates_the_secret(world):
    first = world.store.get("/caller")["inputs"]["objectId"]
    application(world, first, SECOND)
    for who in (first, SECOND, first):
        rotate(world, who)


def test_without_owners_only_the_creator_rotates_it(world):
    application(world)
    rotate(world, world.store.get("/caller")["inputs"]["objectId"])
    with pytest.raises(RefusedError, match="Authorization_RequestDenied"):
        rotate(world, SECOND)


def test_a_deployer_cannot_leave_itself_out(world):
    with pytest.raises(RefusedError, match="Authorization_RequestDenied"):
        application(world, SECOND)


@pytest.mark.parametrize("stack", stacks())
def test_each_stack_is_rehearsed_as_one_of_its_owners(stack, tmp_path):
    """Otherwise its second rotation would fail, on Azure as here."""
    config = stack_config(stack)
    owners = validate(config, stack).entra.owners
    found = store.Store(tmp_path)
    serve.preconditions(found, config)
    assert len(owners) > 1
    assert found.get("/caller")["inputs"]["objectId"] in owners
