"""In front of a Vault 1.21: it asks for a token where Vault 2.0 does.

Source: hashicorp/web-unified-docs, content/vault/v2.x/content/docs/updates/important-changes.mdx.
Whether 2.0 wants `sudo` as well is not written there; the gate wants it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests

from tests.conformance.local_http import serving
from tests.conformance.servers import VaultServer

AUTHENTICATED = ("sys/rekey", "sys/generate-root", "sys/replication/dr/secondary/generate-operation-token")
CAPABILITIES = {"GET": "read", "POST": "update", "PUT": "update", "DELETE": "delete"}


def may(vault: VaultServer, token: str, method: str, path: str) -> bool:
    """Whether a token's policies allow a request, in Vault's own judgement."""
    if not token:
        return False
    found = vault.call("POST", "sys/capabilities-self", {"paths": [path]}, token)
    return {CAPABILITIES[method], "sudo"} <= set(found["capabilities"]) or found["capabilities"] == ["root"]


@contextmanager
def gate(vault: VaultServer) -> Iterator[str]:
    """The gate's address. What it lets through, Vault answers."""

    def answer(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        asked, token = path.removeprefix("/v1/"), headers.get("X-Vault-Token", "")
        if asked.startswith(AUTHENTICATED) and not may(vault, token, method, asked):
            return 403, json.dumps({"errors": ["permission denied"]}).encode()
        passed = {key: value for key, value in headers.items() if key != "Host"}
        said = requests.request(
            method, vault.url + path, data=body, headers=passed, verify=vault.ca, timeout=30
        )
        return said.status_code, said.content

    with serving(answer) as address:
        yield address
