"""`make bench`: the speed of previews and updates, as ratios within one run on this machine.

Prints a table. It never fails: a slow machine is not an error.
"""

import multiprocessing
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from deploy.stack import StackRunner, open_stack
from deploy.stack_file import ROOT
from deploy.summary import shortened
from deploy.text import as_text
from rehearsal import azure, entra, kubernetes, vault

STACK = "prod"
RUNS = 3
SCALE = 0.2
"""Scale of the latencies: the critical path takes three minutes, much longer than the program's own work."""
RESOURCE_TYPES = (
    azure.RESOURCE_TYPES | entra.RESOURCE_TYPES | kubernetes.RESOURCE_TYPES | vault.RESOURCE_TYPES
)
TEAMS = (10, 200)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        empty, whole = (
            statistics.median(seconds(preview, Path(home), nothing) for _ in range(RUNS))
            for nothing in (True, False)
        )
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    few, many = (teams(number) for number in TEAMS)
    team = (many - few) / (TEAMS[1] - TEAMS[0]) / (few / TEAMS[0])
    with tempfile.TemporaryDirectory() as home:
        taken, path = update(Path(home))
    longest = sum(length for _, length in path)
    for what, goal, figure, how in [
        ("what", "goal", "figure", "how"),
        (f"preview of {STACK} ÷ preview of an empty program", "≤ 2.5", f"{whole / empty:.2f}",
         f"one process each, median of {RUNS}: {whole:.1f} s / {empty:.1f} s"),
        ("peak memory of a preview, its largest process", "-", f"{memory:.0f} MiB", "getrusage"),
        ("an additional team ÷ one of the first ten", "≤ 1", f"{team:.2f}",
         f"preview: {few:.1f} s with {TEAMS[0]} teams, {many:.1f} s with {TEAMS[1]}"),
        (f"up of {STACK} ÷ its critical path", "≤ 1.05", f"{taken / longest:.2f}",
         f"{SCALE} of the latencies: {taken:.1f} s / {longest:.1f} s"),
    ]:  # fmt: skip
        print(f"{what:<48}  {goal:<7}  {figure:<8}  {how}")
    print("critical path:", " → ".join(f"{name} ({length / SCALE:.0f} s)" for name, length in path if length))


def seconds(run: Callable[..., None], *arguments: object) -> float:
    """The time that a function takes in a process of its own."""
    start = time.monotonic()
    process = multiprocessing.get_context("spawn").Process(target=run, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{run.__name__} failed")
    return time.monotonic() - start


def preview(home: Path, empty: bool) -> None:  # noqa: FBT001 an argument of a process
    """Preview the stack, or an empty program, against empty clouds."""
    program: AbstractContextManager[object] = (
        patch.object(StackRunner, "_program", staticmethod(lambda: None)) if empty else nullcontext()
    )
    with program, open_stack(STACK, rehearse=True, quiet=True, home=home) as here:
        if here.preview().errors:
            sys.exit(1)


def teams(number: int) -> float:
    """The time of a preview of the stack with this number of teams, in a copy of the project."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "project")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
        file = copy / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(file.read_text())
        listed = content["config"]["platform:teams"]
        listed += [listed[-1] | {"name": f"team-{index}"} for index in range(number - len(listed))]
        file.write_text(yaml.safe_dump(content))
        start = time.monotonic()
        command = [sys.executable, "-m", "deploy", "preview", STACK, "--rehearse", "--json"]
        subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start


def update(home: Path) -> tuple[float, list[tuple[str, float]]]:
    """Seconds for an `up` from nothing with latencies, and its critical path as (resource, seconds)."""
    with open_stack(STACK, rehearse=True, quiet=True, home=home, scale=SCALE) as here:
        outcome = here.up()
        if outcome.failed:
            sys.exit(as_text(outcome))
        return outcome.seconds, critical_path({r["urn"]: r for r in here.resources()})


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


if __name__ == "__main__":
    main()
