"""Builds the base of a pull request: simulated clouds of an earlier revision, by its own code and pins."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.stack_file import ROOT, RefusedError

FEW_WRITES = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""The engine writes its state once, which saves a third of the time. A failed base is never recovered."""


@contextlib.contextmanager
def baseline(stack: str, revision: str, root: Path = ROOT) -> Iterator[Path]:
    """A folder with the simulated clouds of `stack` at `revision`; empty if there was no such stack."""
    with tempfile.TemporaryDirectory() as folder:
        code, home = Path(folder) / "code", Path(folder) / "home"
        unpack(root, revision, code)
        home.mkdir()
        if (code / f"Pulumi.{stack}.yaml").is_file():
            command = [python(root, code), "-m", "deploy", "up", stack, "--rehearse", "--home", str(home)]
            done = subprocess.run(
                command, cwd=code, env=os.environ | FEW_WRITES, capture_output=True, text=True, check=False
            )
            if done.returncode:
                output = f"{done.stdout}{done.stderr}".strip()
                raise RefusedError(f"`up` of {stack} fails at {revision}, so there is no base:\n{output}", 1)
        yield home


def unpack(root: Path, revision: str, folder: Path) -> None:
    """Write the files of a revision to a folder."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", "--format=tar", revision],  # noqa: S607 git is found on PATH
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    if packed.returncode:
        raise RefusedError(
            f"{revision} is not a revision of this repository: {packed.stderr.decode().strip()}"
        )
    subprocess.run(["tar", "-x"], cwd=folder, input=packed.stdout, check=True)  # noqa: S607 as git


def python(root: Path, code: Path) -> str:
    """A Python with a revision's pins: this one if the pins are equal, else a new environment."""
    pins = [(folder / "requirements.txt").read_bytes() for folder in (root, code)]
    if pins[0] == pins[1]:
        (code / ".venv").symlink_to(Path(sys.prefix))
        return sys.executable
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    command = [sys.executable, "tools/setup.py"]
    made = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RefusedError(
            f"the pinned packages of the base cannot be installed:\n{made.stdout}{made.stderr}", 1
        )
    return str(code / ".venv" / "bin" / "python")
