"""Applies the CRDs in a chart's `crds/`, which Helm installs once and never upgrades.

The chart is the package that Helm installs: of a file beside this script, or from its repository at the
version of the release.
Standard library only.
"""

import base64
import io
import os
import re
import tarfile
import urllib.parse
from pathlib import Path, PurePosixPath

from calls import Files, kubernetes, refuse, say

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APPLY = "fieldManager=chart-crds&force=true"
RUNBOOK = "upgrade-a-chart.md"
FILE = Path(__file__).with_name("chart.tgz.base64")
"""A chart from a mirror."""


def package(repository: str, chart: str, version: str) -> bytes:
    """The chart's package: FILE, or from where the repository's index says."""
    if FILE.exists():
        return base64.b64decode(FILE.read_bytes())
    index = Files(repository).call("GET", "/index.yaml").decode()
    file = re.escape(f"{chart}-{version}.tgz")
    for found in re.findall(rf"^\s*-\s+[\"']?(\S*?{file})[\"']?\s*$", index, re.MULTILINE):
        url = urllib.parse.urlsplit(urllib.parse.urljoin(f"{repository}/", found))
        return bytes(Files(f"{url.scheme}://{url.netloc}").call("GET", url.path))
    refuse(f"{repository} has no {chart} {version}", RUNBOOK)
    raise AssertionError


def crds(content: bytes) -> dict[str, bytes]:
    """The CRDs in a chart, by their names. Their files are `<group>_<plural>.yaml` (controller-gen)."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            group, _, plural = path.stem.rpartition("_")
            if path.parts[1:-1] == ("crds",) and group and (file := archive.extractfile(member)):
                found[f"{plural}.{group}"] = file.read()
    return found


def main() -> None:
    wanted, groups = os.environ["CRDS"].split(), os.environ["GROUPS"].split()
    there = crds(package(os.environ["REPOSITORY"], os.environ["CHART"], os.environ["VERSION"]))
    ours = {name for name in there if name.partition(".")[2] in groups}
    if ours != set(wanted):
        refuse(
            f"the chart's CRDs are {', '.join(sorted(ours))}; the program expects {', '.join(wanted)}",
            RUNBOOK,
        )
    cluster = kubernetes("application/apply-patch+yaml")
    for name in wanted:
        cluster.call("PATCH", f"{CRDS}/{name}?{APPLY}", there[name])
    say(f"applied {len(wanted)} CRDs of {os.environ['CHART']} {os.environ['VERSION']}")


if __name__ == "__main__":
    main()
