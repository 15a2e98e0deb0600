"""In front of a Vault 1.21: it asks for a token where Vault 2.0 does.

Source: hashicorp/web-unified-docs, content/vault/v2.x/content/docs/updates/important-changes.mdx.
Whether 2.0 wants `sudo` as well is not written there; the gate wants it.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from tests.conformance.servers import HOST, VaultServer

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

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, token = self.path.removeprefix("/v1/"), self.headers.get("X-Vault-Token", "")
            status, answer = 403, json.dumps({"errors": ["permission denied"]}).encode()
            if not path.startswith(AUTHENTICATED) or may(vault, token, self.command, path):
                headers = {key: value for key, value in self.headers.items() if key != "Host"}
                said = requests.request(
                    self.command,
                    vault.url + self.path,
                    data=body,
                    headers=headers,
                    verify=vault.ca,
                    timeout=30,
                )
                status, answer = said.status_code, said.content
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = do_DELETE = reply  # noqa: N815 (http.server names them)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
