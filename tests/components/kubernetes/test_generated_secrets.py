"""Generated secrets: format, secrecy, and ids that do not reveal them."""

import base64
import uuid

import pytest
from pulumi import ComponentResource, Output

from components.kubernetes import generated_secrets as generated


@pytest.fixture
def made(run):
    def make(which, **how):
        kept = {}

        def program():
            value = getattr(generated, which)("x", parent=ComponentResource("platform:index:T", "t"), **how)
            value.apply(lambda text: kept.update(value=text))
            Output.from_input(value.is_secret()).apply(lambda told: kept.update(secret=told))

        return run(program), kept

    return make


def test_a_random_uuid_is_a_uuid(made):
    assert uuid.UUID(made("random_uuid")[1]["value"]).version == 4


def test_a_key_has_32_bytes(made):
    assert len(base64.b64decode(made("random_key")[1]["value"])) == 32


@pytest.mark.parametrize("which", ["password", "random_uuid", "random_key"])
def test_the_value_is_secret_and_not_a_resource_id(made, which):
    recorder, kept = made(which)
    assert kept["secret"] is True
    assert [r.type for r in recorder.resources if r.type.startswith("random:")] == [
        "random:index/randomPassword:RandomPassword"
    ], "ids of RandomUuid and RandomBytes are their values, in plain state"


def test_a_new_rotation_gives_a_new_value(made):
    made_ = made("password", rotation="2026-11")[0].one("random:index/randomPassword:RandomPassword")
    assert made_.inputs["keepers"] == {"rotation": "2026-11"}
