"""Copies of the project in which tests run commands and change stack files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.recorder import ROOT
from tests.support.terminal import run_in_terminal

IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
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
        *sections, key = f"platform:{path}".split(".")
        at = content["config"]
        for section in sections:
            at = at.setdefault(section, {})
        at[key] = value
        file.write_text(yaml.safe_dump(content))

    @contextmanager
    def changed(self, stack: str, settings: dict[str, Any]) -> Iterator[None]:
        """The stack file with other settings, until the block ends."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        before = file.read_text()
        for path, value in settings.items():
            self.set(stack, path, value)
        try:
            yield
        finally:
            file.write_text(before)

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
    """A build's folder, in which tasks run under a terminal with the checkout as `platform`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = Checkout(folder / "project")
        self.git("init", "-q")
        self.commit("one")
        (folder / "platform").symlink_to(self.checkout.folder)
        for name in ("plan", "plans", "kept", "comment", "rehearsal"):
            (folder / name).mkdir()
        subprocess.run(["git", "init", "-q"], cwd=folder / "plans", check=True)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(
            command, cwd=cwd or self.checkout.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)

    def pull_request(self, change: Callable[[Checkout], None]) -> None:
        """A merged pull request, as github-pr-resource v0.25.2 leaves it (its git.go and in.go)."""
        folder, base = self.folder / "pull-request", self.git("rev-parse", "HEAD")
        folder.mkdir()
        self.git("init", "-q", cwd=folder)
        self.git("checkout", "-q", "-b", "main", cwd=folder)
        self.git("remote", "add", "origin", f"https://x-oauth-basic:{TOKEN}@github.com/o/r", cwd=folder)
        self.git("pull", "-q", str(self.checkout.folder), "HEAD", cwd=folder)
        self.git("checkout", "-q", "-b", "change")
        change(self.checkout)
        self.commit("a change")
        self.git("fetch", "-q", str(self.checkout.folder), "HEAD", cwd=folder)
        (folder / ".git" / "resource").mkdir()
        (folder / ".git" / "resource" / "base_sha").write_text(base)
        self.git("merge", "-q", self.git("rev-parse", "HEAD"), "--no-stat", cwd=folder)
        self.git("checkout", "-q", "-")

    def task(
        self, script: str, *arguments: str, seconds: float = 600, **params: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return run_in_terminal(
            [f"platform/pipelines/tasks/{script}.sh", *arguments],
            cwd=self.folder,
            env=kept | {"REHEARSE": "yes", "PYTHON": sys.executable} | params,
            seconds=seconds,
        )

    def passes(self, script: str, *arguments: str, **params: str) -> str:
        done = self.task(script, *arguments, **params)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def keep(self, stack: str, **params: str) -> str:
        """As `keep` and the put after it: what was kept is what the next job gets as `plans`."""
        printed = self.passes("keep", STACK=stack, **params)
        shutil.rmtree(self.folder / "plans")
        (self.folder / "kept").rename(self.folder / "plans")
        (self.folder / "kept").mkdir()
        return printed
