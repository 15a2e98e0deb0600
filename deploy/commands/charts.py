"""Charts from a mirror: pull, fill, lock."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.options import Stack

Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="folder with the charts [default: their publishers]"),
]
Kept = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="also keep the packages here, for `make generate CHARTS=FOLDER`"),
]


def pull(stack: Stack) -> None:
    """Get a stack's charts from its mirror, as `preview` and `up` do themselves. `pulumi up` needs them."""
    from deploy import charts
    from deploy.stack_file import settings

    print("\n".join(charts.pull(stack, settings(stack).charts)) or f"{stack}: all charts are here")


def fill(stack: Stack, *, source: Source = None) -> None:
    """Copy a stack's charts to its mirror, those with a wrong digest excepted."""
    from deploy import charts
    from deploy.stack_file import settings

    for line in charts.fill(settings(stack).charts, source):
        print(line, flush=True)


def lock(*, to: Kept = None) -> None:
    """Write the digests of the pinned charts, as their publishers have them, to charts.lock."""
    from deploy import charts

    print("\n".join(charts.lock(to)))
