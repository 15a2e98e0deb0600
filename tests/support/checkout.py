"""Copies of the project in which tests run commands and change stack files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.recorder import ROOT

IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".rehearsal", "__pycache__", ".*_cache", "tests")


class Checkout:
    """A copy of the project, in which a test may change stack files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        (folder / ".venv").symlink_to(Path(sys.prefix))

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m deploy …` in a process of its own."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-m", "deploy", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def set(self, stack: str, path: str, value: Any) -> None:
        """Change one setting: `database.sku`."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(file.read_text())
        section, *rest = path.split(".")
        if not rest:
            content["config"][f"platform:{section}"] = value
        else:
            at = content["config"][f"platform:{section}"]
            for key in rest[:-1]:
                at = at[key]
            at[rest[-1]] = value
        file.write_text(yaml.safe_dump(content))

    def home(self, stack: str) -> Path:
        return self.folder / ".rehearsal" / stack

    def objects(self, stack: str) -> dict[str, Path]:
        """Every object of the simulated clouds by id, but what a stack is given and what is deleted."""
        found = {}
        for file in (self.home(stack) / "cloud").rglob("*.json"):
            content = json.loads(file.read_text())
            if content["type"] not in {"given", "soft-deleted"}:
                found[content["id"]] = file
        return found

    def exported(self, stack: str) -> Any:
        """A stack's state, its secrets decrypted by the engine."""
        environment = os.environ | {
            "PULUMI_BACKEND_URL": (self.home(stack) / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        exported = subprocess.run(
            [Path(sys.prefix) / "bin" / "pulumi", "stack", "export", "--show-secrets", "--stack", stack],
            cwd=self.home(stack) / "project", env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(exported.stdout)


class Build:
    """A folder in which tasks run, with the checkout as `platform`."""

    def __init__(self, folder):
        self.folder = folder
        self.checkout = Checkout(folder / "project")
        self.git("init", "-q")
        self.commit("one")
        for name in ("platform", "pull-request"):
            (folder / name).symlink_to(self.checkout.folder)
        for name in ("plan", "plans", "kept", "comment"):
            (folder / name).mkdir()
        subprocess.run(["git", "init", "-q"], cwd=folder / "plans", check=True)

    def git(self, *arguments):
        subprocess.run(
            ["git", *IDENTITY, *arguments], cwd=self.checkout.folder, check=True, capture_output=True
        )

    def commit(self, message):
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)

    def task(self, script, *arguments, **params):
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(
            [f"platform/pipelines/tasks/{script}.sh", *arguments],
            cwd=self.folder,
            env=kept | {"REHEARSE": "yes", "PYTHON": sys.executable} | params,
            capture_output=True,
            text=True,
            check=False,
        )

    def passes(self, script, *arguments, **params):
        done = self.task(script, *arguments, **params)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def keep(self, stack):
        """As `keep` and the put after it: what was kept is what the next job gets as `plans`."""
        said = self.passes("keep", STACK=stack)
        (self.folder / "plans").rename(self.folder / "before")
        (self.folder / "kept").rename(self.folder / "plans")
        return said
