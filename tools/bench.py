"""`make bench`: the speed of previews and updates, as ratios within one run on this machine.

Prints a table and adds it to docs/benchmarks/runs.json. It never fails: a slow machine is not an error.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deploy.stack import open_stack
from deploy.stack_file import ROOT
from deploy.summary import shortened
from deploy.text import as_text
from rehearsal import azure, entra, kubernetes, vault

STACK = "prod"
RUNS = 3
KEPT = 10
"""Runs that the file keeps."""
SCALE = 0.2
"""Scale of the latencies: the critical path takes three minutes, much longer than the program's own work."""
RECORD = ROOT / "docs" / "benchmarks" / "runs.json"
RESOURCE_TYPES = (
    azure.RESOURCE_TYPES | entra.RESOURCE_TYPES | kubernetes.RESOURCE_TYPES | vault.RESOURCE_TYPES
)
WIDE = {"podRange": "10.64.0.0/12", "serviceRange": "172.16.0.0/20"}
"""Addresses of a cluster with 40 worker pools."""
Config = dict[str, Any]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    goal: str
    figure: str
    how: str


class Taken(NamedTuple):
    """What a process took, with all that it started."""

    cpu: float
    """Seconds."""
    wall: float
    """Seconds."""
    memory: float
    """MiB of its largest process."""


def main() -> None:
    rows = [*previews(), *growth(), *update()]
    width = max(len(row.what) for row in rows)
    for what, goal, figure, how in [Row("what", "goal", "figure", "how"), *rows]:
        print(f"{what:<{width}}  {goal:<7}  {figure:<9}  {how}")
    record(rows)


def previews() -> Iterator[Row]:
    """A preview of a new stack, and of one that exists, by the command line."""
    with tempfile.TemporaryDirectory() as folder:
        first = [preview(ROOT, Path(folder, f"new-{run}")) for run in range(RUNS)]
        number = resources_of(Path(folder, "new-0"))
        trivial = [
            taken([sys.executable, "-m", "tools.trivial", str(number), str(Path(folder, f"trivial-{run}"))])
            for run in range(RUNS)
        ]
        up = [sys.executable, "-m", "deploy", "up", STACK, "--rehearse", "--yes", "--home", f"{folder}/there"]
        taken(up)
        again = preview(ROOT, Path(folder, "there"))
    how = f"{number} resources, command line, median of {RUNS}"
    for name, unit in (("cpu", "CPU s"), ("wall", "s")):
        ours, theirs = (statistics.median(getattr(one, name) for one in runs) for runs in (first, trivial))
        yield Row(
            f"preview of {STACK} ÷ as many trivial resources, {unit}", "≤ 1.25", f"{ours / theirs:.2f}",
            f"{how}: {ours:.1f} / {theirs:.1f} {unit}",
        )  # fmt: skip
    yield Row(
        f"preview of {STACK} as it is ÷ of a new one, CPU s", "-",
        f"{again.cpu / statistics.median(one.cpu for one in first):.2f}",
        f"{again.cpu:.1f} CPU s, {again.wall:.1f} s",
    )  # fmt: skip
    yield Row("peak memory of a preview, its largest process", "-", f"{first[0].memory:.0f} MiB", "getrusage")


def resources_of(home: Path) -> int:
    """How many resources the preview of a new stack has."""
    done = subprocess.run(preview_command(home), cwd=ROOT, check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout)["changes"]["create"])


def growth() -> Iterator[Row]:
    """Whether one more of something costs more, the more there are."""
    for what, numbers, put in (
        ("team", (10, 200, 2000), teams),
        ("worker pool", (4, 20, 40), pools),
        ("Entra group", (10, 100, 200), groups),
    ):
        ran = [sized(put, number) for number in numbers]
        for name, unit in (("cpu", "CPU s"), ("memory", "MiB")):
            early, late = (
                (getattr(ran[at + 1], name) - getattr(ran[at], name)) / (numbers[at + 1] - numbers[at])
                for at in (0, 1)
            )
            sizes = ", ".join(
                f"{number}: {getattr(one, name):.1f}" for number, one in zip(numbers, ran, strict=True)
            )
            yield Row(
                f"one more {what} late ÷ early, {unit}", "≤ 1.1",
                f"{late / early:.2f}" if early > 0 else "none", f"preview of {STACK} with {sizes} {unit}",
            )  # fmt: skip


def teams(config: Config, number: int, folder: Path) -> None:
    """So many teams, in a file of their own."""
    listed = config.pop("platform:teams")
    plain = {key: value for key, value in listed[-1].items() if key != "serviceUser"} | {"programs": False}
    more = [plain | {"name": f"team-{index}"} for index in range(number - len(listed))]
    (folder / "teams").mkdir(exist_ok=True)
    (folder / "teams" / f"{STACK}.yaml").write_text(yaml.safe_dump({"teams": [*listed, *more]}))
    config["platform:teamsFile"] = f"teams/{STACK}.yaml"


def pools(config: Config, number: int, _: Path) -> None:
    """So many worker pools."""
    cluster = config["platform:cluster"]
    cluster |= WIDE
    pool = cluster["workerPools"][0] | {"minNodes": 1, "maxNodes": 4}
    cluster["workerPools"] = [pool | {"name": f"workers{index}"} for index in range(1, number + 1)]


def groups(config: Config, number: int, _: Path) -> None:
    """So many groups that the stack makes."""
    listed = config["platform:entra"].setdefault("groups", [])
    listed += [f"group-{index}" for index in range(number - len(listed))]


def sized(put: Callable[[Config, int, Path], None], number: int) -> Taken:
    """A preview of the stack with so many of something, in a copy of the project."""
    with project() as copy, tempfile.TemporaryDirectory() as home:
        file = copy / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(file.read_text())
        put(content["config"], number, copy)
        file.write_text(yaml.safe_dump(content))
        return preview(copy, Path(home))


@contextmanager
def project() -> Iterator[Path]:
    """A copy of the project that may be changed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "project")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
        yield copy


def preview(root: Path, home: Path) -> Taken:
    """A preview by the command line."""
    return taken(preview_command(home), root)


def preview_command(home: Path) -> list[str]:
    return [sys.executable, "-m", "deploy", "preview", STACK, "--rehearse", "--json", "--home", str(home)]


def taken(command: list[str], root: Path = ROOT) -> Taken:
    """Run a command to its end."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = process.stderr.read() if process.stderr else ""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{said}")
    return Taken(used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024)


def update() -> Iterator[Row]:
    """An `up` from nothing with latencies, compared with its critical path."""
    with (
        tempfile.TemporaryDirectory() as home,
        open_stack(STACK, rehearse=True, quiet=True, home=Path(home), scale=SCALE) as here,
    ):
        outcome = here.up()
        if outcome.failed:
            sys.exit(as_text(outcome))
        path = critical_path({r["urn"]: r for r in here.resources()})
    longest = sum(length for _, length in path)
    yield Row(
        f"up of {STACK} ÷ its critical path", "≤ 1.05", f"{outcome.seconds / longest:.2f}",
        f"{SCALE} of the latencies: {outcome.seconds:.1f} s / {longest:.1f} s",
    )  # fmt: skip
    named = " → ".join(f"{name} ({length / SCALE:.0f} s)" for name, length in path if length)
    yield Row("critical path at Azure's own times", "-", f"{longest / SCALE / 60:.0f} min", named)


def critical_path(resources: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, float]]:
    """The slowest chain of resources that wait for one another, by the dependencies in the state."""
    longest: dict[str, list[str]] = {}

    def length(path: list[str]) -> float:
        return sum(latency(resources[urn]["type"]) for urn in path)

    # A state lists resources after their dependencies.
    for urn, found in resources.items():
        names = [found.get("dependencies") or [], *(found.get("propertyDependencies") or {}).values()]
        before = [longest[other] for other in chain(*filter(None, names)) if other in longest]
        longest[urn] = [*max(before, key=length, default=[]), urn]
    path = max(longest.values(), key=length)
    return [(shortened(urn), latency(resources[urn]["type"])) for urn in path]


def latency(type_: str) -> float:
    """The simulated seconds of a creation; 0 for a resource that is in no cloud."""
    kind = RESOURCE_TYPES.get(type_) or kubernetes.CUSTOM.get(type_.rpartition(":")[2])
    return kind.seconds * SCALE if kind else 0.0


def record(rows: list[Row]) -> None:
    """Add a run to the file of the last ones."""
    runs = json.loads(RECORD.read_text()) if RECORD.exists() else []
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    run = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{model}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "rows": [row._asdict() for row in rows],
    }
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps([*runs, run][-KEPT:], indent=1, ensure_ascii=False) + "\n")
    print(f"added to {RECORD.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
