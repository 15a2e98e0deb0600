"""Rehearses the way from an earlier version of the program."""

import contextlib
import sys
from typing import Annotated

import typer

from deploy.commands.options import Json, Markdown, Rehearse, Stack
from deploy.commands.report import report

From = Annotated[
    str, typer.Option("--from", metavar="COMMIT", help="the version that is deployed, e.g. v0.1.0 or main")
]


def upgrade(
    stack: Stack, *, since: From, rehearse: Rehearse = False, json: Json = False, markdown: Markdown = None
) -> None:
    """Rehearse an upgrade of the program.

    COMMIT's program goes up on simulated clouds, then this one over it. Exit code 3 if data would go.
    """
    from deploy.baseline import baseline
    from deploy.progress import Progress
    from deploy.stack import open_stack
    from deploy.stack_file import RefusedError, settings
    from deploy.upgrade import chart_changes, losses

    if not rehearse:
        raise RefusedError("upgrade needs --rehearse: on real clouds `preview` and `up` are the upgrade")
    settings(stack)
    with contextlib.ExitStack() as opened:
        with Progress(f"{stack} at {since}", quiet=json):
            home = opened.enter_context(baseline(stack, since))
        here = opened.enter_context(open_stack(stack, rehearse=True, writing=True, quiet=json, home=home))
        preview = here.preview()
        here.explain(preview, since)
        report(preview, json=json, markdown=markdown)
        if not json:
            print("\n".join(f"  {line}" for line in chart_changes(preview)) or "  no chart changes")
        if lost := losses(preview):
            names = "\n".join(f"  {change.operation} {change.urn}" for change in lost)
            raise RefusedError(f"the upgrade of {stack} from {since} loses data:\n{names}", 3)
        for run in (here.up, here.preview):
            done = run()
            if done.failed:
                report(done, json=json)
        if done.changes:
            raise RefusedError(f"the preview after the upgrade of {stack} is not empty: {done.changes}", 1)
    print(f"upgrade {stack} from {since}: done on simulated clouds, and no data would go", file=sys.stderr)
