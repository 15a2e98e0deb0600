"""The backup script against local stub servers."""

import hashlib
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from components.vault.consul_backup import SCRIPT

TOKEN = "a-token-that-may-do-everything"
ASSERTION = "a-token-of-the-service-account"


def archive(*, broken=False, state=b"everything in Consul"):
    """A snapshot as Consul returns it: a gzipped tar with checksums."""
    files = {"meta.json": b'{"Version":1}', "state.bin": state}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    if broken:
        files["state.bin"] = b"everything in Cons"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Servers(BaseHTTPRequestHandler):
    """Stubs of Consul, Entra and Azure Storage at one address. They refuse unknown requests."""

    def log_message(self, *_):
        pass

    def answer(self, code, body=b""):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if self.path.startswith("/backups"):
            return self.blob()
        if self.path == "/v1/kv/vault/core/lock" and self.server.lock:
            return self.answer(200, json.dumps([self.server.lock]).encode())
        if self.path != "/v1/snapshot":
            return self.answer(404)
        if self.headers.get("X-Consul-Token") != TOKEN:
            return self.answer(403, b"Permission denied: token with AccessorID '' lacks permission")
        return self.answer(200, self.server.snapshot)

    def do_POST(self):
        form = {key: value for key, [value] in parse_qs(self.body().decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_assertion": ASSERTION}
        if self.path != "/tenant/oauth2/v2.0/token" or not wanted.items() <= form.items():
            return self.answer(400, b'{"error":"invalid_client"}')
        return self.answer(200, json.dumps({"access_token": "for storage"}).encode())

    def blob(self):
        if self.headers.get("Authorization") != "Bearer for storage":
            return self.answer(401, b"NoAuthenticationInformation")
        if self.path == "/backups?restype=container&comp=list&prefix=consul/":
            names = (
                f"<Blob><Name>{name.removeprefix('/backups/')}</Name></Blob>" for name in self.server.blobs
            )
            return self.answer(
                200, f"<EnumerationResults><Blobs>{''.join(names)}</Blobs></EnumerationResults>".encode()
            )
        found = self.server.blobs.get(self.path)
        return self.answer(200, found) if found else self.answer(404, b"BlobNotFound")

    def do_PUT(self):
        if self.path == "/v1/snapshot" and self.headers.get("X-Consul-Token") == TOKEN:
            self.server.snapshot = self.body()
            return self.answer(200)
        content, blobs = self.body(), self.server.blobs
        if self.headers.get("Authorization") != "Bearer for storage":
            return self.answer(401, b"NoAuthenticationInformation")
        if self.headers.get("x-ms-blob-type") != "BlockBlob" or not self.headers.get("x-ms-version"):
            return self.answer(400, b"InvalidHeaderValue")
        if self.path in blobs:
            return self.answer(409, b"BlobAlreadyExists")
        blobs[self.path] = content
        return self.answer(201)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject,
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def servers(certificate):
    """The same servers with TLS, as Consul, and without, as Azure's stand-ins."""
    consul, azure = (HTTPServer(("127.0.0.1", 0), Servers) for _ in range(2))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    consul.socket = context.wrap_socket(consul.socket, server_side=True)
    consul.snapshot, consul.lock, azure.blobs = archive(), None, {}
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (consul, azure)]
    for thread in threads:
        thread.start()
    yield consul, azure
    for server, thread in zip((consul, azure), threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def backup(tmp_path, certificate, servers, **changes):
    consul, azure = servers
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "assertion").write_text(ASSERTION)
    environment = {
        "CONSUL_HTTP_ADDR": f"https://localhost:{consul.server_port}",
        "CONSUL_CACERT": str(certificate / "cert.pem"),
        "CONSUL_TOKEN_FILE": str(tmp_path / "token"),
        "BLOB_CONTAINER": f"http://localhost:{azure.server_port}/backups",
        "AZURE_AUTHORITY_HOST": f"http://localhost:{azure.server_port}/",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_CLIENT_ID": "client",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "assertion"),
    }
    return subprocess.run(
        [sys.executable, SCRIPT], env=os.environ | environment | changes,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_snapshot_is_stored_unchanged(tmp_path, certificate, servers):
    done = backup(tmp_path, certificate, servers)
    assert done.returncode == 0, done.stderr
    [(name, content)] = servers[1].blobs.items()
    assert content == servers[0].snapshot
    assert name.startswith("/backups/consul/20")
    assert name in done.stdout


def test_a_corrupt_snapshot_is_not_stored(tmp_path, certificate, servers):
    for broken in (archive(broken=True), archive()[:-40], b"<html>"):
        servers[0].snapshot = broken
        done = backup(tmp_path, certificate, servers)
        assert done.returncode == 1
        assert "snapshot" in done.stderr
        assert "Traceback" not in done.stderr
    assert servers[1].blobs == {}


def test_no_token_is_sent_to_a_consul_with_an_untrusted_certificate(tmp_path, certificate, servers):
    (tmp_path / "other.pem").write_text((certificate / "cert.pem").read_text())
    other = tmp_path / "none.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "1",
         "-keyout", tmp_path / "k.pem", "-out", other],
        check=True, capture_output=True,
    )  # fmt: skip
    done = backup(tmp_path, certificate, servers, CONSUL_CACERT=str(other))
    assert done.returncode == 1
    assert "Consul cannot be reached" in done.stderr
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [("CONSUL_HTTP_ADDR", "https://localhost:1", "Consul cannot be reached"),
     ("AZURE_TENANT_ID", "other", "Entra answered 400")],
)  # fmt: skip
def test_errors_have_the_reason_and_no_token(tmp_path, certificate, servers, variable, value, message):
    done = backup(tmp_path, certificate, servers, **{variable: value})
    assert done.returncode == 1
    assert message in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert ASSERTION not in done.stderr + done.stdout


OLD, NEW = "consul/2026-11-19T040000Z.snap", "consul/2026-11-20T040000Z.snap"


@pytest.fixture
def stored(servers):
    """Two snapshots in the container."""
    servers[1].blobs = {f"/backups/{name}": archive(state=name.encode()) for name in (NEW, OLD)}
    return servers


@pytest.mark.parametrize(("wanted", "name"), [("newest", NEW), (OLD, OLD)])
def test_a_stored_snapshot_is_put_back_into_consul(tmp_path, certificate, stored, wanted, name):
    done = backup(tmp_path, certificate, stored, RESTORE=wanted)
    assert done.returncode == 0, done.stderr
    assert stored[0].snapshot == stored[1].blobs[f"/backups/{name}"]
    assert f"Restored {len(stored[0].snapshot)} bytes of {name}" in done.stdout
    assert len(stored[1].blobs) == 2


def test_what_a_backup_stored_is_what_a_restore_puts_back(tmp_path, certificate, servers):
    before = servers[0].snapshot
    assert backup(tmp_path, certificate, servers).returncode == 0
    servers[0].snapshot = archive(state=b"after a mistake")
    assert backup(tmp_path, certificate, servers, RESTORE="newest").returncode == 0
    assert servers[0].snapshot == before


def test_nothing_is_restored_under_an_active_vault(tmp_path, certificate, stored):
    """It has the old content in memory, and would write it over the restored one."""
    before = stored[0].snapshot
    stored[0].lock = {"Key": "vault/core/lock", "Session": "a-session"}
    done = backup(tmp_path, certificate, stored, RESTORE="newest")
    assert done.returncode == 1
    assert "scale the StatefulSet vault to 0" in done.stderr
    assert stored[0].snapshot == before
    stored[0].lock = {"Key": "vault/core/lock"}  # the key of a Vault that has ended has no session
    assert backup(tmp_path, certificate, stored, RESTORE="newest").returncode == 0


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("consul/2026-01-01T000000Z.snap", "BlobNotFound"),
        ("../other/x.snap", "is not the name of a snapshot"),
        (NEW, "corrupt"),
    ],
)
def test_a_snapshot_that_is_missing_or_corrupt_is_not_restored(tmp_path, certificate, stored, wanted, text):
    before = stored[0].snapshot
    stored[1].blobs[f"/backups/{NEW}"] = archive(broken=True)
    done = backup(tmp_path, certificate, stored, RESTORE=wanted)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert stored[0].snapshot == before


def test_an_empty_container_is_told(tmp_path, certificate, servers):
    done = backup(tmp_path, certificate, servers, RESTORE="newest")
    assert done.returncode == 1
    assert "has no snapshot" in done.stderr
