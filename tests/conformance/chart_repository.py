"""Packed charts, and a proxy by which the API server of AKS has its real name on loopback."""

import io
import select
import socket
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.servers import HOST

Where = Callable[[str], int]
"""The port on loopback of a host."""


def chart_yaml(package: Path) -> Any:
    """A packed chart's description."""
    with tarfile.open(package) as packed:
        names = [name for name in packed.getnames() if name.count("/") == 1 and name.endswith("/Chart.yaml")]
        file = packed.extractfile(names[0])
        assert file
        return yaml.safe_load(file)


def renumbered(package: Path, version: str, folder: Path) -> Path:
    """The same chart under another version: a bump that changes nothing but its own labels."""
    described = chart_yaml(package)
    made = folder / f"{described['name']}-{version}.tgz"
    with tarfile.open(package) as packed, tarfile.open(made, "w:gz") as again:
        for entry in packed:
            if not (file := packed.extractfile(entry)):
                continue
            content = file.read()
            if entry.name == f"{described['name']}/Chart.yaml":
                content = yaml.safe_dump({**described, "version": version}).encode()
            entry.size = len(content)
            again.addfile(entry, io.BytesIO(content))
    return made


@contextmanager
def proxy(where: Where) -> Iterator[str]:
    """A proxy by which every host is on loopback: its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            with socket.create_connection((HOST, where(self.path.rpartition(":")[0]))) as upstream:
                self.send_response(200)
                self.end_headers()
                pair = {self.connection: upstream, upstream: self.connection}
                while True:
                    for ready in select.select(list(pair), [], [])[0]:
                        try:
                            data = ready.recv(1 << 16)
                            pair[ready].sendall(data)
                        except OSError:
                            return
                        if not data:
                            return

        def log_message(self, *_: object) -> None:
            pass

    with threaded(ThreadingHTTPServer((HOST, 0), Handler)) as port:
        yield f"http://{HOST}:{port}"


@contextmanager
def threaded(server: ThreadingHTTPServer, context: ssl.SSLContext | None = None) -> Iterator[int]:
    server.daemon_threads = True
    server.block_on_close = False
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
