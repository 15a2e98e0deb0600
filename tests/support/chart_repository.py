"""A chart repository with ChartMuseum's API, and charts as small as can be."""

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from components.kubernetes.charts import Chart


class ChartRepository:
    """Packages by file name, and what was asked of them.

    Source: helm/chartmuseum, README.md (routes) and pkg/chartmuseum/server/multitenant/api.go (status codes).
    """

    def __init__(self, packages: Mapping[str, bytes], authorization: str = "") -> None:
        self.packages, self.authorization = dict(packages), authorization
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body, for tests/conformance/local_http.py."""
        self.asked.append(f"{method} {path}")
        if self.authorization and headers.get("Authorization") != self.authorization:
            return 401, b"unauthorized"
        if (method, path) == ("POST", "/api/charts"):
            about = description(body)
            file = f"{about['name']}-{about['version']}.tgz"
            if file in self.packages:
                return 409, b'{"error":"file already exists"}'
            self.packages[file] = body
            return 201, b'{"saved":true}'
        if (method, path) == ("GET", "/index.yaml"):
            return 200, self.index()
        found = self.packages.get(path.removeprefix("/charts/"))
        return (200, found) if method == "GET" and found else (404, b'{"error":"not found"}')

    def index(self) -> bytes:
        entries: dict[str, list[dict[str, object]]] = {}
        for file, content in self.packages.items():
            about = description(content)
            entry = {**about, "urls": [f"charts/{file}"], "digest": hashlib.sha256(content).hexdigest()}
            entries.setdefault(about["name"], []).append(entry)
        return yaml.safe_dump({"apiVersion": "v1", "entries": entries}).encode()


def description(package: bytes) -> dict[str, str]:
    """The Chart.yaml of a package."""
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in archive:
            if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                content = archive.extractfile(member)
                assert content
                about = yaml.safe_load(content)
                return {key: about[key] for key in ("apiVersion", "name", "version")}
    raise AssertionError("no Chart.yaml")


def package(chart: Chart, template: str = "") -> bytes:
    """The chart of CHARTS_DIR, else one with this template and nothing else."""
    if "CHARTS_DIR" in os.environ and not template:
        return (Path(os.environ["CHARTS_DIR"]) / chart.file).read_bytes()
    about = {"apiVersion": "v2", "name": chart.name, "version": chart.version}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in {"Chart.yaml": yaml.safe_dump(about), "templates/made.yaml": template}.items():
            entry = tarfile.TarInfo(f"{chart.name}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()
