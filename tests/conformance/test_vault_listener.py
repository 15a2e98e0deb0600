"""The program's listener in a real Vault: whose address the audit log has."""

import json
import os
import re

import pytest
import requests

from components.vault.values import TLS_FOLDER, configuration
from tests.conformance.certificates import Authority
from tests.conformance.servers import HOST, VaultServer, free_port, running, tool

CLIENT = "203.0.113.7"


@pytest.fixture
def asked(tmp_path):
    """Start Vault with `proxies`, ask it with and without the header of a proxy; the addresses in its log."""

    def ask(proxies):
        port, cluster = free_port(), free_port()
        certificate, key = (authority := Authority(tmp_path)).issue("vault", "vault.vault.svc")
        listener = re.search(
            r"^listener.*?^}", configuration("x:1", proxies=proxies), re.MULTILINE | re.DOTALL
        )
        text = listener[0]
        for ours, here in (
            ("[::]:8200", f"{HOST}:{port}"),
            ("[::]:8201", f"{HOST}:{cluster}"),
            (f"{TLS_FOLDER}/tls.crt", str(certificate)),
            (f"{TLS_FOLDER}/tls.key", str(key)),
            (f"{TLS_FOLDER}/ca.crt", str(authority.certificate)),
        ):
            assert ours in text
            text = text.replace(ours, here)
        config, log = tmp_path / "vault.hcl", tmp_path / "audit.log"
        more = f'storage "inmem" {{}}\ndisable_mlock = true\napi_addr = "https://{HOST}:{port}"\n'
        config.write_text(text + "\n" + more)
        vault = VaultServer(f"https://{HOST}:{port}", authority.certificate)

        def ready():
            return requests.get(f"{vault.url}/v1/sys/seal-status", verify=vault.ca, timeout=2).ok

        environment = {**os.environ, "HOME": str(tmp_path)}
        argv = [tool("vault"), "server", f"-config={config}"]
        with running(argv, tmp_path / "vault.log", ready, env=environment):
            made = vault.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            vault.call("PUT", "sys/unseal", {"key": made["keys"][0]})
            token = made["root_token"]
            vault.call("PUT", "sys/audit/file", {"type": "file", "options": {"file_path": str(log)}}, token)
            answers = [
                requests.get(
                    f"{vault.url}/v1/sys/mounts",
                    headers={"X-Vault-Token": token, **header},
                    verify=vault.ca,
                    timeout=10,
                ).status_code
                for header in ({}, {"X-Forwarded-For": CLIENT})
            ]
        assert answers == [200, 200]
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [
            line["request"]["remote_address"]
            for line in lines
            if line["type"] == "request" and line["request"]["path"] == "sys/mounts"
        ]

    return ask


def test_the_audit_log_has_the_address_of_the_client_behind_the_ingress(asked):
    assert asked("127.0.0.0/8") == [HOST, CLIENT]


def test_the_header_of_anybody_else_is_ignored(asked):
    assert asked("10.244.0.0/16") == [HOST, HOST]
