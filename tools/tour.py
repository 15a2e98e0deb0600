"""Writes the pictures of docs/tour.md: commands that run now, on a terminal, in a rehearsal of `staging`.

`python -m tools.tour` takes some minutes. It copies the project, so nothing of it is changed.
"""

import fcntl
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from deploy.progress import CLEAR
from deploy.stack_file import ROOT

PICTURES = ROOT / "docs" / "tour"
COLUMNS, LINES = 110, 50
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Fonts of another server in rich's pictures; every viewer has a font of one width."""
STACK = "Pulumi.staging.yaml"


class Shot(NamedTuple):
    """One picture."""

    name: str
    command: str
    """Behind `python -m deploy`."""
    code: int
    """The exit code that it must have."""
    change: tuple[str, str] = ("", "")
    """A text in the stack file, and what takes its place during the command."""
    by_hand: str = ""
    """An object of the simulated cluster that somebody edits before the command."""


SIZE = "storageGb: 64"
SHOTS = (
    Shot("new", "preview staging --rehearse", 0),
    Shot("up", "up staging --rehearse --yes", 0),
    Shot("change", "preview staging --rehearse", 0, ("minNodes: 1\n        max", "minNodes: 2\n        max")),
    Shot("refusal", "up staging --rehearse --yes", 3, (SIZE, f"{SIZE}\n    administrator: somebody")),
    Shot("mistakes", "preview staging --rehearse", 2, (SIZE, "storageGB: 64")),
    Shot("drift", "drift staging --rehearse", 4, by_hand="ConfigMap/teams.json"),
)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "platform")
        ignored = shutil.ignore_patterns(".*", "__pycache__", "tests")
        shutil.copytree(ROOT, copy, ignore=ignored)
        for shot in SHOTS:
            take(shot, copy)


def take(shot: Shot, copy: Path) -> None:
    """Take one picture."""
    file, (old, new) = copy / STACK, shot.change
    before = file.read_text()
    if old not in before:
        sys.exit(f"{STACK} has no {old!r} any more: change SHOTS")
    file.write_text(before.replace(old, new, 1))
    if shot.by_hand:
        [edited] = (copy / ".rehearsal" / "staging" / "cloud").rglob(shot.by_hand)
        edited.write_text(by_hand(edited.read_text()))
    text, code = on_terminal([sys.executable, "-m", "deploy", *shot.command.split()], copy)
    file.write_text(before)
    if code != shot.code:
        sys.exit(f"{shot.command} ended with {code} and not with {shot.code}:\n{text}")
    typed = f"$ python -m deploy {shot.command}\n"
    (PICTURES / f"{shot.name}.svg").write_text(picture(typed + text, shot.name))
    print(f"docs/tour/{shot.name}.svg")


def by_hand(stored: str) -> str:
    """A ConfigMap of the simulated cluster after somebody has edited it."""
    found = json.loads(stored)
    data = found["inputs"]["data"]
    data[min(data)] += "\n# tried by hand\n"
    return json.dumps(found)


def on_terminal(command: list[str], folder: Path) -> tuple[str, int]:
    """Run a command on a terminal. Returns what is left to be seen at its end, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = io.BytesIO()
    with suppress(OSError):  # Linux: the last process has closed the terminal
        while read := os.read(ours, 65536):
            said.write(read)
    os.close(ours)
    lines = said.getvalue().decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition(CLEAR)[2] for line in lines), process.wait()


def picture(text: str, name: str) -> str:
    """A terminal with a text, as SVG."""
    said = Text.from_ansi(text.rstrip())
    width = max(COLUMNS, *map(len, said.plain.split("\n")))
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="standard"
    )
    console.print(said)
    return FONTS.sub("", console.export_svg(title="", unique_id=name))


if __name__ == "__main__":
    main()
