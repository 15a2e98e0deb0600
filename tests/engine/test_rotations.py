"""Rotations on the real engine, killed after their changes: each continues, and locks nobody out."""

import base64
import json
import signal
from collections.abc import Callable
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

    def outputs(self, type_: str, key: str) -> list[Any]:
        """Of all resources of a type that exist, those that the engine has yet to delete too."""
        return [plain(each["outputs"][key]) for each in self.resources if each["type"] == type_]

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


def vault_knows_the_secret_id_of_concourse(state: State) -> None:
    login = state.secret("concourse-web")["vault-client-auth-param"]
    ids = state.outputs("vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId", "secretId")
    assert login.rpartition("secret_id:")[2] in ids


def entra_knows_the_secret_of_concourse(state: State) -> None:
    values = state.outputs("azuread:index/applicationPassword:ApplicationPassword", "value")
    assert state.secret("concourse-web")["oidc-client-secret"] in values


class Rotation(NamedTuple):
    steps: tuple[Any, ...]
    holds: Callable[[State], None]
    """What is true after every kill."""
    more: tuple[int, int] = (0, 0)
    """Resources in the state, and objects in the clouds, that there are more of afterwards."""


OVERLAP = ({"rotation": "2026-12", "previous": "2026-11"}, {"rotation": "2026-12"})
CONSUL = {"replicas": 1, "storage": "4Gi"}
"""What the stack file of `demo` has beside the months."""
EPOCHS = ["2026-11", "2026-12"]
ROTATIONS = {
    "concourse.keys": Rotation(OVERLAP, workers_and_web_nodes_accept_each_other),
    "vault.consul": Rotation(tuple(CONSUL | step for step in OVERLAP), vaults_token_is_one_that_consul_knows),
    "vault.operator": Rotation(OVERLAP, pulumi_logs_in_to_vault_with_a_login_that_the_job_keeps),
    "vault.appRoles": Rotation(OVERLAP, vault_knows_the_secret_id_of_concourse),
    "entra.rotation": Rotation(("2026-12",), entra_knows_the_secret_of_concourse),
    "concourse.encryption": Rotation(
        ({"epochs": EPOCHS, "rotating": True}, {"epochs": EPOCHS}),
        web_nodes_have_the_key_of_every_row,
        more=(2, 1),  # the key, and its copy in Key Vault
    ),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A stack that has all that rotates. Its stack file keeps the steps of earlier tests."""
    checkout = Checkout(tmp_path_factory.mktemp("rotations") / "project")
    done = checkout.deploy("up", "demo", "--rehearse")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


@pytest.mark.slow
@pytest.mark.parametrize("key", ROTATIONS)
def test_a_rotation_that_is_killed_again_and_again_locks_nobody_out_and_ends_as_any_other(demo, key):
    steps, holds, more = ROTATIONS[key]
    before = whole(demo)
    for step in steps:
        demo.set("demo", key, step)
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
    assert whole(demo) == tuple(map(sum, zip(before, more, strict=True)))


SKIPPED = {
    "concourse.encryption.epochs": {"concourse.encryption": {"epochs": ["2027-05"]}},
    "vault.consul.previous": {"vault.consul": CONSUL | {"rotation": "2027-05", "previous": "2027-04"}},
    "vault.operator.previous": {"vault.operator": {"rotation": "2027-05"}},
}


def test_a_skipped_step_is_refused_before_anything_changes(demo):
    existing = {file: file.read_bytes() for file in demo.objects("demo").values()}
    with demo.changed("demo", {key: value for each in SKIPPED.values() for key, value in each.items()}):
        refused = demo.deploy("up", "demo", "--rehearse")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    [violation] = [line for line in refused.stdout.splitlines() if "violation: ConfigMap rotations" in line]
    for key in SKIPPED:
        assert f"{key}: " in violation
    assert {file: file.read_bytes() for file in demo.objects("demo").values()} == existing
