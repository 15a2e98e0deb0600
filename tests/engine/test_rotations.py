"""Rotations on the real engine, killed after their changes: each continues, and locks nobody out."""

import base64
import json
import signal
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tests.engine.test_hard_use import faulty_up, finish, mend, whole
from tests.support.checkout import Checkout

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("rotations")]
KILLS = (1, 2, 4, 8)
"""The change after which an attempt is killed. Each continues where the one before has ended."""
SECRET = "kubernetes:core/v1:Secret"


class State:
    """What a stack's state says, with its secrets."""

    def __init__(self, checkout: Checkout) -> None:
        self.resources = checkout.exported("demo")["deployment"]["resources"]

    def named(self, type_: str, name: str) -> dict[str, Any]:
        [found] = [
            each
            for each in self.resources
            if each["type"] == type_ and each["urn"].endswith(f"::{name}") and not each.get("delete")
        ]
        return found

    def secret(self, name: str) -> dict[str, str]:
        data = plain(self.named(SECRET, name)["inputs"]["data"])
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def password(self, name: str) -> str:
        return plain(self.named("random:index/randomPassword:RandomPassword", name)["outputs"]["result"])


def plain(value: Any) -> Any:
    """A value without the engine's marks of secrets."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def public(private: str) -> str:
    key = load_pem_private_key(private.encode(), None).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def workers_and_web_nodes_accept_each_other(state: State) -> None:
    """Whichever of them restarts now, with what its Secret has now."""
    web, worker = state.secret("concourse-web"), state.secret("workers1-worker")
    assert public(worker["worker-key"]) in web["worker-key-pub"]
    assert public(web["host-key"]) in worker["host-key-pub"]


def web_nodes_have_the_key_of_every_row(state: State) -> None:
    """All rows have the last key of the record, or are being re-encrypted from it."""
    data = state.named("kubernetes:core/v1:ConfigMap", "rotations")["inputs"]["data"]["concourse.encryption"]
    used = data.replace(" rotating", "").split()[-1]
    web = state.secret("concourse-web")
    keys = (web["encryption-key"], web.get("old-encryption-key"))
    assert state.password(f"concourse-encryption-{used}") in keys


def vaults_token_is_one_that_consul_knows(state: State) -> None:
    """Consul's Job registers what is in its Secret, before Vault's Secret has it."""
    token = state.secret("vault-consul-token")["token"]
    assert token in state.secret("consul-tokens").values()


def pulumi_logs_in_to_vault_with_a_login_that_the_job_keeps(state: State) -> None:
    """A refresh logs in with what the state's provider has."""
    given = plain(state.named("pulumi:providers:vault", "vault")["inputs"]["authLoginUserpass"])
    given = json.loads(given) if isinstance(given, str) else given
    assert state.secret("vault-init")[given["username"]] == given["password"]


class Rotation(NamedTuple):
    steps: tuple[dict[str, Any], ...]
    holds: Any
    """What is true after every kill."""


def overlapping(key: str) -> tuple[dict[str, Any], ...]:
    return (
        {f"{key}.rotation": "2026-12", f"{key}.previous": "2026-11"},
        {f"{key}.rotation": "2026-12"},
    )


EPOCHS = ["2026-11", "2026-12"]
ROTATIONS = {
    "concourse.keys": Rotation(overlapping("concourse.keys"), workers_and_web_nodes_accept_each_other),
    "vault.consul": Rotation(overlapping("vault.consul"), vaults_token_is_one_that_consul_knows),
    "vault.operator": Rotation(
        overlapping("vault.operator"), pulumi_logs_in_to_vault_with_a_login_that_the_job_keeps
    ),
    "concourse.encryption": Rotation(
        (
            {"concourse.encryption": {"epochs": EPOCHS, "rotating": True}, "concourse.web.replicas": 1},
            {"concourse.encryption": {"epochs": EPOCHS}},
        ),
        web_nodes_have_the_key_of_every_row,
    ),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("rotations") / "project")
    done = checkout.deploy("up", "demo", "--rehearse")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


@pytest.mark.slow
@pytest.mark.parametrize("key", ROTATIONS)
def test_a_rotation_that_is_killed_again_and_again_locks_nobody_out_and_ends_as_any_other(demo, key):
    steps, holds = ROTATIONS[key]
    holds(State(demo))
    for step in steps:
        with demo.changed("demo", step):
            for kill in KILLS:
                done = faulty_up(demo, f"kill:{kill}")
                holds(State(demo))
                if done.returncode == 0:
                    break
                assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
                mend(demo)
                holds(State(demo))
            finish(demo)
        holds(State(demo))
    whole(demo)


SKIPPED = {
    "concourse.encryption.epochs: 2026-11 is missing": {"concourse.encryption": {"epochs": ["2027-01"]}},
    "vault.operator.previous: missing": {"vault.operator": {"rotation": "2027-01"}},
}


def test_a_skipped_step_is_refused_before_anything_changes(demo):
    before = demo.objects("demo").keys()
    for text, settings in SKIPPED.items():
        with demo.changed("demo", settings):
            refused = demo.deploy("up", "demo", "--rehearse")
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert text in refused.stdout
        assert "[rotations]" in refused.stdout
    assert demo.objects("demo").keys() == before
