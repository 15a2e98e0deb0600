"""What the init Job meets in a cluster: Consul, Key Vault, Entra, Kubernetes; Vault itself is real."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.vault.policy_documents import LOGIN, operator
from tests.conformance.local_http import serving
from tests.conformance.servers import VaultServer
from tests.support.job_scripts import KILLER, script_file

PASSWORD = "the-password-that-the-program-made"
LATER = "the-password-of-a-later-month"
CLOSED = (
    ("GET", "secret/data/other/x", None),
    ("LIST", "secret/metadata/concourse", None),
    ("LIST", "secret/metadata/concourse/team", None),
    ("GET", "secret/metadata/concourse/team/x", None),
    ("POST", "secret/data/concourse/team/x", {"data": {"value": "3"}}),
    ("DELETE", "secret/data/concourse/team/x", None),
    ("GET", "sys/policies/acl/concourse", None),
    ("GET", "sys/mounts", None),
    ("POST", "auth/token/create", {}),
)
"""Some of what Concourse may not do in Vault: (method, path, body)."""


class Around:
    """The servers around Vault, and what they were told."""

    def __init__(self, vault: VaultServer) -> None:
        self.vault = vault
        self.kv: dict[str, Any] = {}
        self.holder = ""
        self.sessions: set[str] = set()
        self.secrets: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        """Paths that are answered with 403."""
        self.lock = threading.Lock()

    def answer(self, method: str, url: str, body: str) -> tuple[int, Any]:
        path, _, query = url.partition("?")
        if path in self.refused:
            return 403, {"error": "ForbiddenByRbac"}
        with self.lock:
            for pattern, answer in (
                (r"/v1/session/(create|destroy|renew)/?(.*)", self.session),
                (r"/v1/kv/(.+)", self.key),
                (r"/.*/oauth2/v2.0/token", lambda *_: (200, {"access_token": "of-entra"})),
                (r"/secrets/[a-z-]+(/versions)?", self.secret),
                (r"/api/v1/namespaces/vault/pods/vault-0", self.pod),
            ):
                if match := re.fullmatch(pattern, path):
                    return answer(method, match, query, body)
        return 404, {}

    def session(self, _method: str, match: re.Match[str], _query: str, _body: str) -> tuple[int, Any]:
        what, id_ = match.groups()
        if what == "create":
            self.sessions.add(id_ := str(uuid.uuid4()))
            return 200, {"ID": id_}
        if what == "destroy":
            self.expire(id_)
        return 200, True

    def expire(self, id_: str) -> None:
        self.sessions.discard(id_)
        if self.holder == id_:
            self.holder = ""

    def key(self, method: str, match: re.Match[str], query: str, body: str) -> tuple[int, Any]:
        key, asked = match[1], dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if method == "GET":
            return (200, self.kv[key]) if key in self.kv else (404, None)
        if method == "DELETE":
            return 200, True  # what Vault keeps is not here, but on its disk: see `pod`
        if session := asked.get("acquire"):
            if self.holder not in ("", session):
                return 200, False
            self.holder = session
        self.kv[key] = json.loads(body)
        return 200, True

    def secret(self, method: str, match: re.Match[str], _query: str, body: str) -> tuple[int, Any]:
        if match[1]:
            return 200, {"value": [{"tags": one["tags"], "attributes": {}} for one in self.secrets]}
        self.secrets.append(json.loads(body))
        return 200, {}

    def pod(self, *_: Any) -> tuple[int, Any]:
        """Kubernetes starts it again, and its storage is empty by now."""
        self.vault.restart(empty=True)
        return 200, {}


@contextmanager
def around(vault: VaultServer) -> Iterator[tuple[Around, str]]:
    """The servers, and their one address."""
    servers = Around(vault)

    def answer(method: str, path: str, body: bytes, _: Mapping[str, str]) -> tuple[int, bytes]:
        status, found = servers.answer(method, path, body.decode())
        return status, json.dumps(found).encode()

    with serving(answer) as address:
        yield servers, address


class Job:
    """The Job's pod: its files and its environment."""

    def __init__(self, folder: Path, vault: VaultServer, servers: Around, address: str) -> None:
        self.folder, self.vault, self.servers = folder, vault, servers
        for script in ("vault_init.py", "calls.py", "consul_lock.py", "key_vault_secret.py"):
            shutil.copy(script_file(script), folder)
        (folder / "killer.py").write_text(KILLER)
        self.write("operator.hcl", operator())
        self.write("consul", "a-token")
        self.write("pulumi", PASSWORD)
        self.write("pulumi-12", LATER)
        self.write("token", "of-the-service-account")
        self.environment = {
            "PATH": os.environ["PATH"],
            "CONSUL_URL": address,
            "VAULT_PODS": "vault-0",
            "VAULT_POD_URL": vault.url,
            "VAULT_URL": vault.url,
            "KEY_VAULT_URL": address,
            "KEY_VAULT_SECRET": "vault-recovery-keys",
            "POD_PATH": "/api/v1/namespaces/vault/pods",
            "USERS": "pulumi",
            "LOGIN": json.dumps({parameter: allowed[0] for parameter, allowed in LOGIN.items() if allowed}),
            "AUDIT": json.dumps({"file": str(folder / "audit.log"), "stdout": "stdout"}),
            "SECRETS": str(folder),
            "SERVICE_ACCOUNT": str(folder),
            "KUBERNETES_URL": address,
            "CA_FILE": str(vault.ca),
            "AZURE_AUTHORITY_HOST": address,
            "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"),
            "AZURE_CLIENT_ID": "client",
            "AZURE_TENANT_ID": "tenant",
            "PATIENCE_SECONDS": "60",
            "PAUSE_SECONDS": "0.2",
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def start(self, *argv: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-B", "-u", *(argv or ("vault_init.py",))],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *argv: str, **environment: str) -> tuple[int, str]:
        """Its exit code and its log."""
        process = self.start(*argv, **environment)
        log, _ = process.communicate(timeout=120)
        return process.returncode, log

    def killed_after(self, requests: int, **environment: str) -> tuple[int, str]:
        """End it so, and let Consul find out that whoever had the lock is gone."""
        ended = self.run("killer.py", str(requests), "vault_init.py", **environment)
        for session in list(self.servers.sessions):
            self.servers.expire(session)
        return ended

    def operator(self, user: str = "pulumi") -> str:
        """A token of the operator's login."""
        password = (self.folder / user).read_text()
        login = self.vault.call("POST", f"auth/userpass/login/{user}", {"password": password})
        return str(login["auth"]["client_token"])

    @property
    def stored(self) -> dict[str, Any]:
        """The recovery keys, as Key Vault has them last."""
        found: dict[str, Any] = json.loads(self.servers.secrets[-1]["value"])
        return found

    def root(self) -> str:
        """A root token from the recovery keys, as docs/runbooks/vault-operator-policy.md makes one."""
        keys, token = self.stored, self.operator()
        start = self.vault.call("PUT", "sys/generate-root/attempt", {}, token)
        for key in keys["keys"][: keys["threshold"]]:
            body = {"key": key, "nonce": start["nonce"]}
            done = self.vault.call("PUT", "sys/generate-root/update", body, token)
        text = done["encoded_token"]
        raw = base64.b64decode(text + "=" * (-len(text) % 4))
        return bytes(a ^ b for a, b in zip(raw, start["otp"].encode(), strict=True)).decode()
