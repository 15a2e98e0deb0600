"""`make bench`: how fast changes are told and applied, as ratios within one run on this machine.

Prints a table and fails on nothing: a slow machine is no mistake.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.stack import open_stack
from deploy.stack_file import ROOT
from deploy.summary import shortened
from rehearsal import azure, entra, kubernetes, vault

STACK = "prod"
RUNS = 3
SCALE = 0.2
"""Part of the latencies: a path of three minutes, beside which the machine's own eight seconds are little."""
KINDS = azure.KINDS | entra.KINDS | kubernetes.KINDS | vault.KINDS
TEAMS = (10, 200)
PREVIEW = """
from pathlib import Path
from deploy.stack import StackRunner, open_stack
{program}
with open_stack({stack!r}, rehearse=True, quiet=True, home=Path({home!r})) as here:
    assert not here.preview().errors
"""
EMPTY = "StackRunner._program = staticmethod(lambda: None)"


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as home:
        empty, whole = previews(Path(home))
    how = f"a process each, median of {RUNS}: {whole:.1f} s / {empty:.1f} s"
    rows.append((f"preview of {STACK} ÷ preview of an empty program", "≤ 2.5", f"{whole / empty:.2f}", how))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    rows.append(("peak memory of a preview, its largest process", "-", f"{memory:.0f} MiB", "getrusage"))
    few, many = (teams(number) for number in TEAMS)
    each = (many - few) / (TEAMS[1] - TEAMS[0])
    how = f"preview: {few:.1f} s with {TEAMS[0]} teams, {many:.1f} s with {TEAMS[1]}"
    rows.append(("a team more ÷ one of the first ten", "≤ 1", f"{each / (few / TEAMS[0]):.2f}", how))
    with tempfile.TemporaryDirectory() as home:
        seconds, path = update(Path(home))
    longest = sum(length for _, length in path)
    how = f"{SCALE} of the latencies: {seconds:.1f} s / {longest:.1f} s"
    rows.append((f"up of {STACK} ÷ its critical path", "≤ 1.05", f"{seconds / longest:.2f}", how))
    for row in [("what", "goal", "figure", "how"), *rows]:
        print(f"{row[0]:<48}  {row[1]:<7}  {row[2]:<8}  {row[3]}")
    print(
        "critical path: " + " → ".join(f"{name} ({length / SCALE:.0f} s)" for name, length in path if length)
    )


def previews(home: Path) -> tuple[float, float]:
    """Seconds for a preview of nothing, and of the stack, both of an empty cloud."""
    taken: dict[str, list[float]] = {EMPTY: [], "": []}
    for _ in range(RUNS):
        for program, seconds in taken.items():
            script = PREVIEW.format(program=program, stack=STACK, home=str(home))
            start = time.monotonic()
            subprocess.run([sys.executable, "-c", script], check=True)
            seconds.append(time.monotonic() - start)
    return statistics.median(taken[EMPTY]), statistics.median(taken[""])


def teams(number: int) -> float:
    """Seconds for a preview of the stack with so many teams, in a copy of the project."""
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
            sys.exit(outcome.as_text())
        return outcome.seconds, critical({r["urn"]: r for r in here.resources()})


def critical(resources: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, float]]:
    """The chain of resources that waited for one another for longest, by the state's dependencies."""
    longest: dict[str, list[str]] = {}

    def length(path: list[str]) -> float:
        return sum(latency(resources[urn]["type"]) for urn in path)

    # A state lists resources after what they depend on.
    for urn, found in resources.items():
        before = [longest[other] for other in waited_for(found) if other in longest]
        longest[urn] = [*max(before, key=length, default=[]), urn]
    path = max(longest.values(), key=length)
    return [(shortened(urn), latency(resources[urn]["type"])) for urn in path]


def latency(type_: str) -> float:
    """Seconds that creating one takes here; none for what is in no cloud."""
    kind = KINDS.get(type_) or kubernetes.CUSTOM.get(type_.rpartition(":")[2])
    return kind.seconds * SCALE if kind else 0.0


def waited_for(found: Mapping[str, Any]) -> Iterator[str]:
    yield from found.get("dependencies", [])
    for names in (found.get("propertyDependencies") or {}).values():
        yield from names or []


if __name__ == "__main__":
    main()
