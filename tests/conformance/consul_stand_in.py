"""Consul as the backup's script meets it: snapshots, and the key that an active Vault locks.

Neither a real Consul nor a Vault that stores in one can be built here. What this Consul has is the folder in
which a real Vault keeps its data, key by key.
"""

import base64
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path


class Consul:
    """One address for Consul, Entra and Azure Storage."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.active = True
        """Whether a Vault holds its lock."""
        self.blobs: dict[str, bytes] = {}

    def answer(self, method: str, url: str, body: bytes, _: Mapping[str, str]) -> tuple[int, bytes]:
        if url == "/v1/kv/vault/core/lock":
            return 200, json.dumps([{"Session": "a-session"} if self.active else {}]).encode()
        if url == "/v1/snapshot":
            return (200, self.snapshot()) if method == "GET" else self.restore(body)
        if method == "PUT":
            self.blobs[url] = body
            return 201, b""
        if "comp=list" in url:
            names = (f"<Name>{name.removeprefix('/backups/')}</Name>" for name in self.blobs)
            return 200, "".join(names).encode()
        if url in self.blobs:
            return 200, self.blobs[url]
        return 200, b'{"access_token": "of-entra"}'

    def snapshot(self) -> bytes:
        files = {file: file.read_bytes() for file in self.data.rglob("*") if file.is_file()}
        state = {
            str(file.relative_to(self.data)): base64.b64encode(text).decode() for file, text in files.items()
        }
        content = {"meta.json": b"{}", "state.bin": json.dumps(state).encode()}
        sums = "".join(f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in content.items())
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name, text in {**content, "SHA256SUMS": sums.encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text))
        return out.getvalue()

    def restore(self, body: bytes) -> tuple[int, bytes]:
        """Replace everything by what the snapshot has."""
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            file = archive.extractfile("state.bin")
            assert file
            state = json.load(file)
        shutil.rmtree(self.data)
        for name, text in state.items():
            path = self.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(text))
        return 200, b""
