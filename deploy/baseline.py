"""The base of a pull request: simulated clouds of an earlier revision, by its own code and pins."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.stack_file import ROOT, RefusedError

FEW_WRITES = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""The engine writes its state once, which saves a third of the time. A failed base is never recovered."""
NOT_RUN = (
    "docs", "tests", "pipelines", "bootstrap", "examples", "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
)  # fmt: skip
"""Files and folders without effect on a rehearsed `up`."""
KEPT = 3
"""Bases of a stack in the cache, 13 MB each: those used last."""


@contextlib.contextmanager
def baseline(stack: str, revision: str, root: Path = ROOT) -> Iterator[Path]:
    """A folder with the simulated clouds of `stack` at `revision`; empty if there was no such stack."""
    with tempfile.TemporaryDirectory() as folder:
        if key := tree_hash(stack, revision, root):
            cached = root / ".rehearsal" / "bases" / stack / key
            if not cached.is_dir():
                bring_up(stack, revision, root, cached)
            os.utime(cached)
            shutil.copytree(cached, folder, dirs_exist_ok=True)  # another preview may use the base too
        yield Path(folder)


def tree_hash(stack: str, revision: str, root: Path) -> str:
    """A hash of all files of a revision that its `up` of a stack depends on; empty without the stack."""
    listed = subprocess.run(
        ["git", "ls-tree", "-z", f"{revision}^{{tree}}"],  # noqa: S607 git is found on PATH
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        raise RefusedError(f"{revision} is not a revision of this repository: {listed.stderr.strip()}")
    trees = {name: tree for tree, _, name in (line.partition("\t") for line in listed.stdout.split("\0"))}
    mine = f"Pulumi.{stack}.yaml"
    others = {name for name in trees if name.startswith("Pulumi.")} - {mine, "Pulumi.yaml"}
    used = [f"{tree} {name}" for name, tree in trees.items() if name not in {*NOT_RUN, *others}]
    return hashlib.sha256("\n".join(used).encode()).hexdigest()[:32] if mine in trees else ""


def bring_up(stack: str, revision: str, root: Path, base: Path) -> None:
    """Bring a stack up as a revision declares it, and keep its state and its clouds as `base`."""
    bases = base.parent
    bases.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as code_, tempfile.TemporaryDirectory(dir=bases) as home_:
        code, home, made = Path(code_), Path(home_), Path(home_, "base")
        packed = subprocess.run(["git", "archive", revision], cwd=root, capture_output=True, check=True)  # noqa: S607
        subprocess.run(["tar", "-x", "-f", "-"], cwd=code, input=packed.stdout, check=True)  # noqa: S607
        command = [python(root, code), "-m", "deploy", "up", stack, "--rehearse", "--home", str(home)]
        run(
            f"`up` of {stack} fails at {revision}, so there is no base",
            command,
            code,
            os.environ | FEW_WRITES,
        )
        made.mkdir()
        for part in ("state", "cloud"):
            (home / part).rename(made / part)
        with contextlib.suppress(OSError):  # another preview was faster
            made.rename(base)
    for old in sorted(bases.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def python(root: Path, code: Path) -> str:
    """A Python with a revision's pins: this one if the pins are equal, else a new environment."""
    if (root / "requirements.txt").read_bytes() == (code / "requirements.txt").read_bytes():
        (code / ".venv").symlink_to(Path(sys.prefix))
        return sys.executable
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    failure = "the pinned packages of the base cannot be installed"
    run(failure, [sys.executable, "tools/setup.py"], code, environment)
    return str(code / ".venv" / "bin" / "python")


def run(failure: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command; an error has its whole output."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(f"{failure}:\n{done.stdout}{done.stderr}".strip(), 1)
