"""What changes a stack, or shows what would: preview, up, drift, destroy."""

import contextlib
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands.asking import ask_destroy, ask_up, attended, unattended_error
from deploy.commands.options import Home, Json, Markdown, Rehearse, Stack, Yes, a_file
from deploy.commands.report import report

SIMULATED = " on simulated clouds"
DESTROYED = "Azure keeps the deleted Key Vault and its keys for {days} days: az keyvault list-deleted"
NewPlan = Annotated[
    Path | None,
    typer.Option(metavar="FILE", callback=a_file, help="write the plan for `up --plan` to this file"),
]
Approved = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="update without asking, if nothing has changed since this plan"),
]
Base = Annotated[
    str, typer.Option(metavar="COMMIT", help="with --rehearse: show the changes since a commit, e.g. main")
]
Refresh = Annotated[bool, typer.Option("--refresh", help="also revert changes made by hand")]
RunsOn = Annotated[
    str,
    typer.Option(metavar="TAG", help="tag of the worker pools of this command: refuse to change them"),
]
Check = Annotated[
    bool, typer.Option("--check", help="preview again afterwards, and fail if anything would change")
]
Scale = Annotated[
    float,
    typer.Option(metavar="FRACTION", min=0, max=1, help="with --rehearse: wait this part of Azure's times"),
]
Faults = Annotated[
    str,
    typer.Option(
        metavar="SEED", help="with --rehearse: inject failures; kill:12 ends the run at its 12th change"
    ),
]


def preview(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    plan: NewPlan = None,
    base: Base = "",
    home: Home = None,
) -> None:
    """Show what an update would change. Changes nothing."""
    from deploy import charts
    from deploy.baseline import baseline
    from deploy.progress import Progress
    from deploy.stack import open_stack
    from deploy.stack_file import RefusedError, settings

    if base and not rehearse:
        raise RefusedError("--base needs --rehearse: real clouds cannot be set back to a commit")
    only_rehearsed(rehearse, home=home)
    if base and not shutil.which("git"):
        raise RefusedError("--base needs git, and it is not on PATH")
    chosen = settings(stack)
    if not rehearse:
        charts.pull(stack, chosen.charts)
    with contextlib.ExitStack() as opened:
        if base:
            with Progress(f"{stack} at {base}", quiet=json):
                home = opened.enter_context(baseline(stack, base))
        here = opened.enter_context(open_stack(stack, rehearse=rehearse, quiet=json, home=home))
        summary = here.preview()
        here.explain(summary, base)
        report(summary, json=json, markdown=markdown)
        if plan:
            made = here.plan(summary)
            made.write(plan)
            print(f"wrote {plan}: {made.message}", file=sys.stderr)


def up(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    yes: Yes = False,
    json: Json = False,
    markdown: Markdown = None,
    refresh: Refresh = False,
    plan: Approved = None,
    runs_on: RunsOn = "",
    check: Check = False,
    home: Home = None,
    scale: Scale = 0,
    faults: Faults = "",
) -> None:
    """Update a stack to its settings. On a terminal it shows the preview and asks first."""
    from deploy import charts
    from deploy.approval import Plan, pools_with
    from deploy.stack import open_stack
    from deploy.stack_file import RefusedError, settings

    only_rehearsed(rehearse, home=home, scale=scale, faults=faults)
    asking = partial(ask_up, where=SIMULATED if rehearse else "")
    ask = None if yes or plan or not attended(json=json) else asking
    if not (ask or yes or plan or rehearse):
        raise RefusedError(unattended_error("up", stack, "--yes, or --plan FILE with an approved plan"))
    approved = Plan.read(plan, stack) if plan else None
    leave = pools_with(runs_on, stack) if runs_on else ()
    if not rehearse:
        charts.pull(stack, settings(stack).charts)
    how: dict[str, Any] = {"writing": True, "scale": scale, "faults": faults}
    with open_stack(stack, rehearse=rehearse, quiet=json, home=home, **how) as here:
        summary = here.up(refresh=refresh, approved=approved, leave=leave, ask=ask)
        report(summary, json=json, markdown=markdown)
        if check:
            again = here.preview()
            if not json or again.failed:
                report(again, json=json)
            if again.changes:
                text = f"the preview after the update of {stack} is not empty: the program is not stable"
                raise RefusedError(text, 1)
    if rehearse and not json:
        print(
            f"Rehearsed: no real cloud was changed. Next: change Pulumi.{stack}.yaml, and see the effect:\n"
            f"  python -m deploy preview {stack} --rehearse\nTo deploy to Azure: docs/getting-started.md",
            file=sys.stderr,
        )


def drift(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    home: Home = None,
) -> None:
    """Compare the clouds with the state. It does not run the program; exit code 4 if they differ."""
    from deploy.stack import open_stack

    only_rehearsed(rehearse, home=home)
    with open_stack(stack, rehearse=rehearse, quiet=json, home=home) as here:
        summary = here.drift()
        if not (summary.changes or summary.unchanged or summary.errors):
            print(f"{stack} is not deployed: nothing can differ from its state", file=sys.stderr)
        if not rehearse and not summary.errors:
            here.add_release_drift(summary)
        report(summary, json=json, markdown=markdown)


def destroy(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    yes: Yes = False,
    json: Json = False,
    home: Home = None,
) -> None:
    """Delete all resources of a stack. It asks for the stack's name; refused while one is protected."""
    from deploy.stack import open_stack
    from deploy.stack_file import RefusedError, settings

    only_rehearsed(rehearse, home=home)
    ask = not yes and attended(json=json)
    if not (ask or yes or rehearse):
        raise RefusedError(unattended_error("destroy", stack, "--yes"))
    with open_stack(stack, rehearse=rehearse, writing=True, quiet=json, home=home) as here:
        if ask:
            ask_destroy(stack, here.resources(), SIMULATED if rehearse else "")
        summary = here.destroy()
        report(summary, json=json)
        if summary.changes and not json:
            print(DESTROYED.format(days=settings(stack).key_vault.soft_delete_days), file=sys.stderr)


def only_rehearsed(rehearse: bool, **given: object) -> None:  # noqa: FBT001 the option of a command
    """Refuse options that have no meaning on real clouds."""
    from deploy.stack_file import RefusedError

    if wrong := [f"--{name}" for name, value in given.items() if value and not rehearse]:
        raise RefusedError(f"{wrong[0]} needs --rehearse: it is about simulated clouds")
