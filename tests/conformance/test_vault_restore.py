"""A real Vault on the data that a backup had: what docs/runbooks/vault-restore.md does, step by step."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import requests

from components.vault.consul_backup import SCRIPT
from tests.conformance.consul_stand_in import Consul
from tests.conformance.local_http import serving
from tests.conformance.servers import answers, vault_server


@pytest.fixture
def consul(tmp_path):
    kept = Consul(tmp_path / "kept")
    with serving(kept.answer) as address:
        yield kept, address


def job(consul, folder, ca, **environment):
    """The CronJob's script, by the same name in both of its uses."""
    _, address = consul
    (folder / "token").write_text("a-token")
    return subprocess.run(
        [sys.executable, SCRIPT], capture_output=True, text=True, check=False, timeout=60,
        env={
            "PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": address, "CONSUL_CACERT": str(ca),
            "CONSUL_TOKEN_FILE": str(folder / "token"), "BLOB_CONTAINER": f"{address}/backups",
            "AZURE_AUTHORITY_HOST": address, "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
            "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"), **environment,
        },
    )  # fmt: skip


def active(vault):
    """Wait until it has unsealed itself."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if answers(lambda: requests.get(f"{vault.url}/v1/sys/health", timeout=2, verify=vault.ca).ok):
            return
        time.sleep(0.3)
    pytest.fail("Vault did not become active")


def test_a_secret_from_before_the_backup_is_readable_after_the_restore(tmp_path, transit, consul):
    kept, _ = consul

    @contextmanager
    def vault(name):
        (folder := tmp_path / name).mkdir()
        with vault_server(folder, transit, {"raft": {"path": str(kept.data), "node_id": "vault"}}) as server:
            yield server
        kept.active = False  # the session of a Vault that has ended is over

    kept.data.mkdir()
    with vault("first") as server:
        token = server.call("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})["root_token"]
        active(server)
        server.call("POST", "sys/mounts/secret", {"type": "kv"}, token)
        server.call("POST", "secret/concourse/payments/db", {"value": "before"}, token)
        ca = server.ca
    stored = job(consul, tmp_path, ca)
    assert stored.returncode == 0, stored.stderr
    with vault("second") as server:
        kept.active = True
        active(server)
        server.call("POST", "secret/concourse/payments/db", {"value": "after"}, token)
        server.call("POST", "secret/concourse/payments/late", {"value": "late"}, token)
        assert "a Vault is active" in job(consul, tmp_path, ca, RESTORE="newest").stderr

    done = job(consul, tmp_path, ca, RESTORE="newest")
    assert done.returncode == 0, done.stderr
    with vault("third") as server:
        active(server)
        assert server.call("GET", "secret/concourse/payments/db", token=token)["data"] == {"value": "before"}
        assert server.status("GET", "secret/concourse/payments/late", token=token) == 404
