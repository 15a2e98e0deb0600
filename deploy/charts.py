"""Packaged charts: from their publishers to a mirror, and from there to `.charts`, where Helm reads them.

Logins are never arguments: of an OCI registry Helm's own (`helm registry login`), else `~/.netrc`.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from components.config.stack_file import LOADER
from components.kubernetes.chart_lock import HEADER, LOCK, digest, digests
from components.kubernetes.charts import CHARTS, FOLDER, Chart, pinned
from components.kubernetes.settings import ChartsSettings
from deploy.stack_file import ROOT, RefusedError


def pull(stack: str, settings: ChartsSettings, folder: Path = ROOT / FOLDER) -> list[str]:
    """Get what `.charts` lacks from the mirror; what was got. Without a mirror nothing."""
    charts = [chart for chart in pinned(settings).values() if chart.mirrored]
    lacking = [chart for chart in charts if not is_here(folder / chart.file, digests())]
    found = {chart: get(settings.repository, chart) for chart in lacking}
    if missing := [f"{chart.name} {chart.version}" for chart, content in found.items() if content is None]:
        raise RefusedError(
            f"{settings.repository} lacks {', '.join(missing)}: "
            f"`python -m deploy charts fill {stack}` copies them"
        )
    for chart, content in found.items():
        refuse_changed(chart, content or b"", settings.repository)
    folder.mkdir(exist_ok=True)
    for chart, content in found.items():
        part = folder / f"{chart.file}.part"
        part.write_bytes(content or b"")
        part.replace(folder / chart.file)
    return [f"{chart.name} {chart.version}: {described(chart)}" for chart in found]


def fill(settings: ChartsSettings, source: Path | None = None) -> Iterator[str]:
    """Copy all charts that the mirror lacks, from a folder or their publishers, and say what was done."""
    if not (mirror := settings.repository):
        raise RefusedError("the stack has no mirror: set charts.repository (docs/chart-mirror.md)")
    found = published(pinned(settings).values(), source)
    for chart, content in found.items():  # before the first change
        refuse_changed(chart, content, str(source or chart.repository))
    for chart, content in found.items():
        there = get(mirror, chart)
        if there is None:
            put(mirror, chart, content)
        elif there != content:
            raise RefusedError(
                f"{mirror} has another {chart.name} {chart.version}: {differs(there, content)}"
            )
        done = "copied" if there is None else "was there"
        yield f"{chart.name} {chart.version}: {done}, {described(chart)}"


def lock(to: Path | None = None, file: Path = LOCK) -> Iterator[str]:
    """Write the digests of the pinned charts, and the packages into the folder `to`."""
    found = published(CHARTS.values(), None)
    for chart, content in found.items():
        refuse_changed(chart, content, chart.repository)
    lines = [f"{digest(content)}  {chart.file}\n" for chart, content in found.items()]
    file.write_text(HEADER + "".join(sorted(lines, key=lambda line: line.split()[1])))
    yield f"wrote {len(lines)} digests to {file.name}: review the diff and commit it"
    if to:
        to.mkdir(parents=True, exist_ok=True)
        for chart, content in found.items():
            (to / chart.file).write_bytes(content)


def published(charts: Iterable[Chart], source: Path | None) -> dict[Chart, bytes]:
    """The charts' packages; refused if one is missing."""
    found = {
        chart: from_folder(source, chart) if source else get(chart.repository, chart) for chart in charts
    }
    if missing := [chart.file for chart, content in found.items() if content is None]:
        raise RefusedError(f"{source or 'their publishers'} lack {', '.join(missing)}")
    return {chart: content for chart, content in found.items() if content is not None}


def from_folder(folder: Path, chart: Chart) -> bytes | None:
    file = folder / chart.file
    return file.read_bytes() if file.is_file() else None


def is_here(file: Path, known: Mapping[str, str]) -> bool:
    """Whether a chart is there, unchanged as far as its digest is known."""
    return file.is_file() and known.get(file.name, found := digest(file.read_bytes())) == found


def refuse_changed(chart: Chart, content: bytes, where: str) -> None:
    """Refuse a chart that is not the one of charts.lock."""
    if (wanted := digests().get(chart.file)) and (found := digest(content)) != wanted:
        raise RefusedError(
            f"{chart.name} {chart.version} of {where} is not the one of charts.lock: "
            f"its SHA-256 is {found}, not {wanted}; find out who changed it"
        )


def described(chart: Chart) -> str:
    return "verified" if chart.file in digests() else "not verified: charts.lock has no digest of it"


def differs(one: bytes, other: bytes) -> str:
    return f"its SHA-256 is {digest(one)}, not {digest(other)}"


# Repositories


def get(repository: str, chart: Chart) -> bytes | None:
    """A packaged chart; None if the repository does not have it."""
    if repository.startswith("oci://"):
        with tempfile.TemporaryDirectory() as folder:
            said = helm(
                "pull", f"{repository}/{chart.name}", "--version", chart.version, "--destination", folder
            )
            if "not found" in said:
                return None
            [file] = Path(folder).iterdir()
            return file.read_bytes()
    for entry in index(repository).get(chart.name, ()):
        if entry["version"] == chart.version:
            return ask("GET", urljoin(f"{repository}/", entry["urls"][0]))
    return None


def put(repository: str, chart: Chart, content: bytes) -> None:
    """Add a packaged chart: to an OCI registry, else by ChartMuseum's API."""
    if repository.startswith("oci://"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / chart.file
            file.write_bytes(content)
            helm("push", str(file), repository)
    else:
        parts = urlsplit(repository)
        ask("POST", parts._replace(path=f"/api{parts.path}/charts").geturl(), content)
        index.cache_clear()


@cache
def index(repository: str) -> dict[str, Any]:
    content = yaml.load(ask("GET", f"{repository}/index.yaml"), LOADER)  # noqa: S506 a safe loader
    return dict(content.get("entries") or {})


def ask(method: str, url: str, body: bytes | None = None) -> bytes:
    """An HTTP server's answer, with the login in ~/.netrc."""
    import requests  # noqa: PLC0415 only these commands need it

    try:
        answer = requests.request(method, url, data=body, timeout=60)
        answer.raise_for_status()
    except requests.RequestException as failed:
        raise RefusedError(f"{failed}; a login belongs into ~/.netrc (docs/chart-mirror.md)") from None
    return bytes(answer.content)


def helm(*arguments: str) -> str:
    """Run Helm; "not found" if a registry does not have the chart."""
    if not (command := shutil.which("helm")):
        text = "an OCI registry needs Helm 3.8 or newer on PATH (https://helm.sh/docs/intro/install)"
        raise RefusedError(text)
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and not (arguments[0] == "pull" and "not found" in done.stderr):
        raise RefusedError(f"helm {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stderr
