"""Brings rehearsed clouds to where a pull request begins: an earlier revision, by its own code and pins."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.stack_file import ROOT, RefusedError

AT_THE_END = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Makes the engine write its state once, which is a third of the time: nobody recovers a base that failed."""


@contextlib.contextmanager
def based(stack: str, revision: str, root: Path = ROOT) -> Iterator[Path]:
    """A folder of clouds in which `stack` is as `revision` makes it; empty where it has no such stack."""
    with tempfile.TemporaryDirectory() as folder:
        code, home = Path(folder) / "code", Path(folder) / "home"
        unpack(root, revision, code)
        home.mkdir()
        if (code / f"Pulumi.{stack}.yaml").is_file():
            command = [python(root, code), "-m", "deploy", "up", stack, "--rehearse", "--home", str(home)]
            done = subprocess.run(
                command, cwd=code, env=os.environ | AT_THE_END, capture_output=True, text=True, check=False
            )
            if done.returncode:
                said = f"{done.stdout}{done.stderr}".strip()
                raise RefusedError(
                    f"{stack} does not go up at {revision}, so nothing can be compared:\n{said}", 1
                )
        yield home


def unpack(root: Path, revision: str, folder: Path) -> None:
    """The files of a revision, apart from the working tree."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", "--format=tar", revision],  # noqa: S607 git is found on PATH
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    if packed.returncode:
        raise RefusedError(f"{revision} is no revision of this repository: {packed.stderr.decode().strip()}")
    subprocess.run(["tar", "-x"], cwd=folder, input=packed.stdout, check=True)  # noqa: S607 as git


def python(root: Path, code: Path) -> str:
    """The Python with a revision's pins: this one if they are the same, else one of its own."""
    pins = [(folder / "requirements.txt").read_bytes() for folder in (root, code)]
    if pins[0] == pins[1]:
        (code / ".venv").symlink_to(Path(sys.prefix))
        return sys.executable
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    made = subprocess.run(
        [sys.executable, "tools/setup.py"],
        cwd=code,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RefusedError(f"the pins of the base cannot be installed:\n{made.stdout}{made.stderr}", 1)
    return str(code / ".venv" / "bin" / "python")
