"""Stores a snapshot of Consul (Vault's data, encrypted by Vault) in blob storage. Standard library only.

Runs as a CronJob. It verifies the snapshot as Consul's own client does, and names the blob after the time.
With RESTORE it puts a snapshot back instead: the blob of this name, or the `newest`. Only the cluster reaches
the storage account, and no token leaves it (docs/runbooks/vault-restore.md).
Environment: CONSUL_HTTP_ADDR, CONSUL_CACERT, CONSUL_TOKEN_FILE, BLOB_CONTAINER (a URL), and the variables of
workload identity: AZURE_AUTHORITY_HOST, AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE.
"""

import hashlib
import io
import json
import os
import re
import ssl
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

STORAGE = "https://storage.azure.com/.default"
TIMEOUT = 120
"""Seconds per request."""


LEADER = "vault/core/lock"
"""Consul's key whose session is held by the active Vault (Vault's storage backend, physical/consul)."""


class BackupError(Exception):
    """The backup failed."""


def main() -> int:
    if wanted := os.environ.get("RESTORE"):
        return restore(wanted)
    try:
        snapshot = consul_snapshot()
        check(snapshot)
        url = store(snapshot, f"consul/{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.snap")
    except BackupError as failed:
        print(f"The backup failed: {failed}", file=sys.stderr, flush=True)
        return 1
    print(f"Stored {len(snapshot)} bytes as {url}", flush=True)
    return 0


def restore(wanted: str) -> int:
    """Put a snapshot back. Everything that Consul has is replaced, its tokens too."""
    try:
        refuse_active()
        name = newest() if wanted == "newest" else wanted
        snapshot = stored(name)
        check(snapshot)
        consul("PUT", "/v1/snapshot", snapshot)
    except BackupError as failed:
        print(f"Nothing was restored: {failed}", file=sys.stderr, flush=True)
        return 1
    print(f"Restored {len(snapshot)} bytes of {name}", flush=True)
    return 0


def refuse_active() -> None:
    """An active Vault has the old content in memory, and would write on."""
    if json.loads(consul("GET", f"/v1/kv/{LEADER}", missing=b"[{}]"))[0].get("Session"):
        raise BackupError("a Vault is active; scale the StatefulSet vault to 0 first")


def newest() -> str:
    """Name of the last snapshot. Names sort by time, and Azure lists up to 5000: more than two years."""
    listed = storage("GET", "?restype=container&comp=list&prefix=consul/").decode()
    names = re.findall(r"<Name>(consul/[^<]+\.snap)</Name>", listed)
    if not names:
        raise BackupError("the container has no snapshot")
    return str(max(names))


def stored(name: str) -> bytes:
    """The content of a blob."""
    if not re.fullmatch(r"consul/[\w:-]+\.snap", name):
        raise BackupError(f"{name!r} is not the name of a snapshot, such as consul/2026-11-20T040000Z.snap")
    return storage("GET", f"/{name}")


def storage(method: str, path: str) -> bytes:
    headers = {"Authorization": f"Bearer {azure_token()}", "x-ms-version": "2023-11-03"}
    url = os.environ["BLOB_CONTAINER"].rstrip("/") + path
    return answer(urllib.request.Request(url, headers=headers, method=method), "Azure Storage")


def consul_snapshot() -> bytes:
    """A consistent snapshot from Consul's leader."""
    return consul("GET", "/v1/snapshot")


def consul(method: str, path: str, data: bytes | None = None, missing: bytes | None = None) -> bytes:
    """Ask Consul. `missing` is the answer for what is not there."""
    token = Path(os.environ["CONSUL_TOKEN_FILE"]).read_text().strip()
    request = urllib.request.Request(
        os.environ["CONSUL_HTTP_ADDR"] + path, data=data, headers={"X-Consul-Token": token}, method=method
    )
    trusted = ssl.create_default_context(cafile=os.environ["CONSUL_CACERT"])
    return answer(request, "Consul", trusted, missing)


def check(snapshot: bytes) -> None:
    """Verify the checksums in the archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(snapshot), mode="r:gz") as archive:
            files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            content = {name: file.read() for name, file in files.items() if file}
        wanted = dict(line.split()[::-1] for line in content["SHA256SUMS"].decode().splitlines())
    except (tarfile.TarError, EOFError, KeyError, OSError, ValueError) as broken:
        raise BackupError(f"Consul's response is not a snapshot: {broken!r}") from None
    for name in ("meta.json", "state.bin"):
        if hashlib.sha256(content.get(name, b"")).hexdigest() != wanted.get(name):
            raise BackupError(f"Consul's snapshot is corrupt: the checksum of {name} does not match")


def store(content: bytes, name: str) -> str:
    """Create a blob and return its URL. An existing one is not overwritten."""
    url = f"{os.environ['BLOB_CONTAINER'].rstrip('/')}/{name}"
    headers = {
        "Authorization": f"Bearer {azure_token()}",
        "x-ms-version": "2023-11-03",
        "x-ms-blob-type": "BlockBlob",
        "If-None-Match": "*",
        "Content-Type": "application/octet-stream",
    }
    answer(urllib.request.Request(url, data=content, headers=headers, method="PUT"), "Azure Storage")
    return url


def azure_token() -> str:
    """A storage token from Entra, in exchange for the token of the pod's service account."""
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "scope": STORAGE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"]).read_text().strip(),
    }
    host, tenant = os.environ["AZURE_AUTHORITY_HOST"].rstrip("/"), os.environ["AZURE_TENANT_ID"]
    url = f"{host}/{tenant}/oauth2/v2.0/token"
    got = answer(urllib.request.Request(url, data=urllib.parse.urlencode(form).encode()), "Entra")
    return str(json.loads(got)["access_token"])


def answer(
    request: urllib.request.Request,
    who: str,
    trusted: ssl.SSLContext | None = None,
    missing: bytes | None = None,
) -> bytes:
    """The body of a response. An error contains the server's message, which has none of our secrets."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=trusted) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as refused:
        if refused.code == HTTPStatus.NOT_FOUND and missing is not None:
            return missing
        text = refused.read(500).decode(errors="replace").strip()
        raise BackupError(f"{who} answered {refused.code}: {text}") from None
    except OSError as failed:
        raise BackupError(f"{who} cannot be reached: {failed}") from None


if __name__ == "__main__":
    sys.exit(main())
