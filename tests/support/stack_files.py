"""Stack files for tests: those of the project, and a right one that a test changes."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.support.recorder import ROOT, STACKS

RIGHT = (
    (ROOT / "Pulumi.demo.yaml")
    .read_text()
    .replace("10.40.", "10.50.")
    .replace("demo.deliv", "five.deliv")
    .replace("1f64d8e0-b35a-4c97-a28d-90e7c5f1b346", "0c6e2f71-58ad-4b93-8e14-d2f07a9b3c65")
)
TEAM = "    - {name: team-%d, roles: {owner: {oidc: {groups: [6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e]}}}}\n"
ENDS = {"crlf": "\r\n", "cr": "\r"}


def copied(folder: Path) -> Path:
    """A folder with the stack files of the project."""
    for stack in STACKS:
        shutil.copy(ROOT / f"Pulumi.{stack}.yaml", folder)
    return folder


def written(row: dict[str, Any]) -> bytes:
    """The file of a row of broken_stack_files.yaml."""
    text = row.get("file", RIGHT)
    for old, new in row.get("write", {}).items():
        assert old in text, old
        text = text.replace(old, new.replace("DIGITS", "9" * 5000), 1)
    if "set" in row:
        content = yaml.safe_load(text)
        for path, value in row["set"].items():
            put(content["config"], f"platform:{path}", value)
        text = yaml.safe_dump(content)
    text += "".join(TEAM % number for number in range(row.get("teams", 0)))
    save = row.get("save", "utf-8")
    return text.replace("\n", ENDS[save]).encode() if save in ENDS else text.encode(save)


def put(holder: Any, path: str, value: Any) -> None:
    """Set the value at a path: `cluster.workerPools.0.vmSize`."""
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in parents:
        holder = holder[step] if isinstance(holder, list) else holder.setdefault(step, {})
    holder[last] = value
