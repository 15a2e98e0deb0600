"""Options that several commands share, and their checks before any work begins."""

import os
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parents[2]


def stack_names(incomplete: str = "") -> list[str]:
    """The stacks with a stack file, for the shell's completion too."""
    names = (file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
    return sorted(name for name in names if name.startswith(incomplete))


def writable(path: Path | None) -> Path | None:
    """Refuse a path whose folder does not exist or cannot be written."""
    if path:
        folder = path.absolute().parent
        if not folder.is_dir():
            raise typer.BadParameter(f"there is no folder {folder}")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise typer.BadParameter(f"{path if path.exists() else folder} is not writable")
    return path


def a_file(path: Path | None) -> Path | None:
    """Refuse what cannot be written as a file."""
    if path and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder")
    return writable(path)


def a_folder(path: Path | None) -> Path | None:
    """Refuse what cannot be written as a folder."""
    if path and path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{path} is a file")
    return writable(path)


Stack = Annotated[
    str,
    typer.Argument(
        metavar="STACK", help="a name such as prod, of Pulumi.prod.yaml", autocompletion=stack_names
    ),
]
Rehearse = Annotated[bool, typer.Option("--rehearse", help="use simulated clouds, without an account")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]
Markdown = Annotated[
    Path | None,
    typer.Option(metavar="FILE", callback=a_file, help="write a comment for a pull request to this file"),
]
Home = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", callback=a_folder, help="folder of the simulated clouds [default: .rehearsal/STACK]"
    ),
]
Locks = Annotated[
    list[str] | None,
    typer.Option(metavar="ID", help="remove this lock although its run may be alive"),
]
