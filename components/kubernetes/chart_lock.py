"""`charts.lock`: the digests of packaged charts, as their publishers have them.

Helm compares no digest of a chart, and the Kubernetes provider none either. So this program does, before it
registers anything: a chart from a mirror is a file, and Helm installs just the file that was compared.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from components.config.model import Problem
from components.kubernetes.charts import FOLDER, Chart

LOCK = Path(__file__).with_name("charts.lock")
PROJECT = Path(__file__).parents[2]
KEY = "charts.repository"
HEADER = """\
# SHA-256 of each packaged chart (.tgz), as its publisher has it. `python -m deploy charts lock` writes this.
# A chart without a line is installed unverified, and every preview names it.
"""


def digests(lock: Path = LOCK) -> dict[str, str]:
    """Digest by file name."""
    lines = (line.split() for line in lock.read_text().splitlines() if not line.startswith("#"))
    return {file: digest for digest, file in lines}


def digest(content: bytes) -> str:
    """The digest of a packaged chart."""
    return hashlib.sha256(content).hexdigest()


def changed(charts: Iterable[Chart], known: Mapping[str, str], folder: Path) -> Iterator[Problem]:
    """The charts from a mirror that are not what their publishers have."""
    for chart in charts:
        file, wanted = folder / chart.file, known.get(chart.file)
        if chart.mirrored and wanted and file.exists() and (found := digest(file.read_bytes())) != wanted:
            text = (
                f"{FOLDER}/{chart.file} is not the chart of charts.lock: its SHA-256 is {found}, "
                f"not {wanted}; find out who changed it, and remove it here and from the mirror"
            )
            yield Problem(KEY, text)


def unverified(charts: Iterable[Chart], known: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Warnings about charts from a mirror that nothing compares."""
    mirrored = [chart for chart in charts if chart.mirrored]
    if without := [f"{chart.name} {chart.version}" for chart in mirrored if chart.file not in known]:
        yield f"charts.lock has no digest of {', '.join(without)}: nothing verifies them"
    if absent := [chart.file for chart in mirrored if not (folder / chart.file).exists()]:
        yield (
            f"{FOLDER} lacks {', '.join(absent)}; `python -m deploy charts pull STACK` gets them from the "
            "mirror, and without them nothing is installed"
        )
