"""Checks of a stack: preflight, smoke, drill, teams."""

import time
from json import dumps
from typing import Annotated

import typer

from deploy.commands.options import Home, Json, Rehearse, Stack
from deploy.commands.report import show

Team = Annotated[
    str,
    typer.Option(metavar="TEAM", help="team whose service user logs in [default: the first except main]"),
]
Minutes = Annotated[
    float, typer.Option("--for", metavar="MINUTES", help="repeat the checks for this many minutes")
]
Watchdog = Annotated[
    bool, typer.Option("--watchdog", help="check only that Prometheus reports to Alertmanager")
]


def preflight(stack: Stack, *, json: Json = False) -> None:
    """Check a stack's preconditions. Changes nothing; exit code 2 if one is missing."""
    from deploy.preflight import preflight as findings
    from deploy.stack_file import settings

    found = findings(settings(stack))
    show([one._asdict() for one in found], map(str, found), json=json)
    if any(one.missing for one in found):
        raise typer.Exit(2)


def smoke(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    team: Team = "",
    minutes: Minutes = 0,
    watchdog: Watchdog = False,
    home: Home = None,
) -> None:
    """Check a running stack from outside. The checks do what its users do."""
    from deploy import smoke as checks
    from deploy.stack import open_stack
    from deploy.stack_file import RefusedError, settings

    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        target = checks.target(settings(stack), here.resources(), team)
    only = checks.WATCHDOG if watchdog else tuple(checks.CHECKS)
    if rehearse:
        print(f"Simulated clouds run no servers. Not checked: {', '.join(only)}.")
        return
    end = time.monotonic() + minutes * 60
    while True:
        found = []
        for result in checks.smoke(target, only=only):
            found.append(result)
            if not json:
                print(result, flush=True)
        if json:
            print(dumps([vars(result) for result in found], indent=2))
        if failed := [result.check for result in found if not result.passed]:
            raise RefusedError(f"{stack} failed {', '.join(failed)}", 1)
        if time.monotonic() >= end:
            return
        time.sleep(min(checks.PAUSE, max(0, end - time.monotonic())))


def drill(stack: Stack, *, rehearse: Rehearse = False, home: Home = None) -> None:
    """Try the database's backup.

    It is restored into a throw-away server, a pipeline is read there, and the server is deleted.
    """
    from deploy.drill import Drill
    from deploy.stack import open_stack
    from deploy.stack_file import settings

    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        one = Drill(stack, settings(stack), here.resources())
    if rehearse:
        print(
            f"Simulated clouds run no servers. Not restored: {one.source.rpartition('/')[2]} as {one.name}."
        )
        return
    one.run()


def teams(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Compare Concourse's teams with the file. Exit code 4 if they differ."""
    from deploy.stack import open_stack
    from deploy.stack_file import settings
    from deploy.teams import concourse_url, differences, real, rehearsed, wanted

    chosen = settings(stack)
    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        git = wanted(chosen, here.outputs().get("groups") or {})
        there = rehearsed(here.resources()) if rehearse else real(concourse_url(chosen))
    found = list(differences(git, there))
    same = f"{stack}: no difference ({', '.join(sorted(there))})"
    show({"stack": stack, "git": git, "concourse": there, "differences": found}, found or [same], json=json)
    if found:
        raise typer.Exit(4)
