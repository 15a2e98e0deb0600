"""The command line: `python -m deploy preview prod --rehearse`."""

import contextlib
import sys
import tempfile
import time
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.approval import Plan, pools_with
from deploy.baseline import based
from deploy.preflight import preflight as look
from deploy.recover import Cluster, Rehearsed, identity
from deploy.render import rendered, write
from deploy.stack import driver
from deploy.stack_file import ROOT, RefusedError, settings
from deploy.summary import Outcome, listed
from deploy.teams import concourse_url, differences, real, rehearsed, wanted
from deploy.writer import alone

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Preview, update and check a stack. Exit codes: 0 done, 2 usage or settings, 3 refused by a rule or "
    "to keep what holds data, 4 drift found, 5 another update holds the stack, 1 anything else.",
)
Stack = Annotated[str, typer.Argument(help="prod for Pulumi.prod.yaml")]
Rehearse = Annotated[bool, typer.Option(help="run against simulated clouds, with no account")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
Markdown = Annotated[Path | None, typer.Option(help="write a pull request's comment to this file")]
Home = Annotated[Path | None, typer.Option(help="folder of the rehearsed clouds [.rehearsal/STACK]")]
Locks = Annotated[
    list[str] | None, typer.Option(help="id of a lock to take away although its holder may be at work")
]
Scale = Annotated[float, typer.Option(min=0, max=1, help="rehearse with this part of Azure's latencies")]


@app.command()
def preview(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    plan: Annotated[Path | None, typer.Option(help="write what `up --plan` goes by to this file")] = None,
    base: Annotated[
        str, typer.Option(help="with --rehearse: what would change since this commit, as main")
    ] = "",
    home: Home = None,
) -> None:
    """Show what an update would change, and change nothing."""
    if base and not rehearse:
        raise RefusedError("--base is for --rehearse: real clouds are where they are")
    settings(stack)
    with (
        based(stack, base) if base else contextlib.nullcontext(home) as place,
        driver(stack, rehearse=rehearse, quiet=json, home=place) as here,
    ):
        outcome = here.preview()
        tell(outcome, json=json, markdown=markdown)
        if plan:
            made = here.plan(outcome)
            made.write(plan)
            print(f"{made.message} is in {plan}", file=sys.stderr)


@app.command()
def up(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    refresh: Annotated[bool, typer.Option(help="undo what was changed by hand")] = False,
    plan: Annotated[
        Path | None, typer.Option(help="refuse if anything has moved since the preview that wrote this file")
    ] = None,
    runs_on: Annotated[
        str, typer.Option(help="refuse to touch the worker pools of this tag, as they run this")
    ] = "",
    check: Annotated[
        bool, typer.Option(help="then preview again, and fail if anything would change")
    ] = False,
    home: Home = None,
    scale: Scale = 0,
    faults: Annotated[
        str,
        typer.Option(help="rehearse a bad day: a seed, or kill:12 to lose the machine at the 12th change"),
    ] = "",
) -> None:
    """Bring a stack to what its settings say."""
    approved = Plan.read(plan, stack) if plan else None
    leave = pools_with(runs_on, stack) if runs_on else ()
    how: dict[str, Any] = {"writing": True, "scale": scale, "faults": faults}
    with driver(stack, rehearse=rehearse, quiet=json, home=home, **how) as here:
        tell(here.up(refresh=refresh, approved=approved, leave=leave), json=json, markdown=markdown)
        if check:
            again = here.preview()
            if not json or again.failed:
                tell(again, json=json)
            if again.changes:
                raise RefusedError(f"a second preview of {stack} is not empty: the program is not stable", 1)


@app.command()
def drift(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    home: Home = None,
) -> None:
    """Compare what exists with what the program made; exit code 4 when it differs."""
    with driver(stack, rehearse=rehearse, quiet=json, home=home) as here:
        tell(here.drift(), json=json, markdown=markdown)


@app.command()
def destroy(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Delete everything in a stack; refused while anything in it is protected."""
    with driver(stack, rehearse=rehearse, writing=True, quiet=json, home=home) as here:
        tell(here.destroy(), json=json)


@app.command()
def cancel(stack: Stack, *, rehearse: Rehearse = False, lock: Locks = None, home: Home = None) -> None:
    """Take away the lock of an update that is dead. One that may live is refused, and none is stopped."""
    with driver(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        here.unlock(lock or ())
    print(f"{stack} is no longer locked")


@app.command()
def recover(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    mend: Annotated[bool, typer.Option(help="put it right, and not only show it")] = False,
    lock: Locks = None,
    home: Home = None,
) -> None:
    """Show what a killed run has left behind: its lock, half-made resources and stuck releases."""
    chosen, place = settings(stack), home or ROOT / ".rehearsal" / stack
    cluster: Rehearsed | Cluster = Rehearsed(place)
    if rehearse:
        with alone(place):  # before the clouds read their objects
            left = loose(cluster, mend=mend)
    with driver(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        locks = here.locks()
        for held in locks:
            print(f"lock {held.id}: {held}")
        if mend:  # before anything of one that lives is touched
            here.unlock(lock or ())
        if not rehearse:
            cluster = Cluster.of(here.resources())
            left = loose(cluster, mend=mend)
        found: dict[str, str] = {}
        half = here.half_made()
        for made in half:
            other = "::azure-dns::" in made.get("provider", "")
            id_ = identity(made, chosen.dns.given_subscription if other else chosen.azure.subscription_id)
            id_ = id_ or cluster.like(made)
            found |= {made["urn"]: id_} if id_ else {}
            print(f"half made: {made['urn']}, {id_ or 'which is made anew'}")
        if mend:
            here.adopt(found)
    if not (left or locks or half):
        print(f"{stack}: nothing is left behind")
    else:
        print(f"{stack}: put right; run `up` again" if mend else f"{stack}: `--mend` puts it right")


def loose(cluster: Rehearsed | Cluster, *, mend: bool) -> bool:
    """Tell which releases Helm holds for being changed, and let go of them; whether there were any."""
    stuck = list(cluster.stuck())
    for name, record in stuck:
        print(f"stuck release: {name}")
        if mend:
            cluster.release(record)
    return bool(stuck)


@app.command()
def outputs(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Print what the stack exports."""
    with driver(stack, rehearse=rehearse, quiet=True, home=home) as here:
        found = here.outputs()
        print(dumps(found, indent=2) if json else "\n".join(listed(found)))


@app.command()
def urls(stack: Stack, *, json: Json = False) -> None:
    """Print where people find what a stack runs."""
    found = settings(stack)
    hosts = found.host_names
    addresses = {name: f"https://{host}" for name, host in hosts.items()}
    print(dumps(addresses, indent=2) if json else "\n".join(listed(addresses)))


@app.command()
def preflight(stack: Stack, *, json: Json = False) -> None:
    """Look whether a stack's preconditions hold, changing nothing; exit code 2 where one does not."""
    found = look(settings(stack))
    print(dumps([one._asdict() for one in found], indent=2) if json else "\n".join(map(str, found)))
    if any(one.missing for one in found):
        raise typer.Exit(2)


@app.command()
def teams(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Show how Concourse's teams differ from the stack file; exit code 4 when they do."""
    chosen = settings(stack)
    with driver(stack, rehearse=rehearse, quiet=True, home=home) as here:
        git = wanted(chosen, here.outputs().get("groups") or {})
        there = rehearsed(here.resources()) if rehearse else real(concourse_url(chosen))
    found = list(differences(git, there))
    if json:
        print(dumps({"stack": stack, "git": git, "concourse": there, "differences": found}, indent=2))
    else:
        print("\n".join(found) if found else f"{stack}: as the stack file says ({', '.join(sorted(there))})")
    if found:
        raise typer.Exit(4)


@app.command()
def render(
    stack: Stack, *, out: Annotated[Path, typer.Option(help="the folder to write to")], json: Json = False
) -> None:
    """Write what a stack sends to its cluster: chart values and manifests, secrets left out."""
    with (
        tempfile.TemporaryDirectory() as home,
        driver(stack, rehearse=True, quiet=json, home=Path(home)) as here,
    ):
        outcome = here.up()
        if outcome.failed:
            tell(outcome, json=json)
        files = rendered(here.resources())
    write(files, out)
    if json:
        print(dumps({"stack": stack, "folder": str(out), "files": sorted(files)}, indent=2))
    else:
        print(f"{len(files['releases.yaml'])} releases and {len(files)} files are in {out}")


@app.command()
def smoke(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    team: Annotated[str, typer.Option(help="whose service user logs in [the first but main]")] = "",
    watch: Annotated[float, typer.Option("--for", help="ask again and again for so many minutes")] = 0,
    home: Home = None,
) -> None:
    """Ask a running stack, as its users do, whether it does what it is for."""
    from deploy.smoke import checks as asked  # noqa: PLC0415 other commands need none of its packages

    with driver(stack, rehearse=rehearse, quiet=True, home=home) as here:
        target = asked.target(settings(stack), here.resources(), team)
    if rehearse:
        print(f"Simulated clouds run no servers: nobody can be asked {', '.join(asked.QUESTIONS)}.")
        return
    end = time.monotonic() + watch * 60
    while True:
        found = []
        for seen in asked.smoke(target):
            found.append(seen)
            if not json:
                print(seen, flush=True)
        if json:
            print(dumps([vars(seen) for seen in found], indent=2))
        failed = [seen.question for seen in found if not seen.well]
        if failed:
            raise RefusedError(f"{stack} does not do what it is for: {', '.join(failed)}", 1)
        if time.monotonic() >= end:
            return
        time.sleep(min(asked.PAUSE, max(0, end - time.monotonic())))


@app.command()
def notify(title: Annotated[str, typer.Argument(help="what happened")]) -> None:
    """Post to Slack (SLACK_WEBHOOK) what happened, and below it the end of what is read from stdin."""
    from deploy.notify import slack  # noqa: PLC0415 other commands need none of its packages

    slack(title, sys.stdin.read())


@app.command()
def issue(
    title: Annotated[str, typer.Argument(help="by which it is found again")],
    *,
    repository: Annotated[str, typer.Option(help="owner/name")],
    gone: Annotated[bool, typer.Option(help="close it, as what it told is no more")] = False,
    api: Annotated[str, typer.Option(help="GitHub's API")] = "https://api.github.com",
) -> None:
    """Open or update one issue on GitHub (GITHUB_TOKEN) with what is read from stdin."""
    from deploy import notify as notices  # noqa: PLC0415 as above

    print(notices.issue(repository, title, sys.stdin.read(), gone=gone, api=api))


def tell(outcome: Outcome, *, json: bool, markdown: Path | None = None) -> None:
    """Print an outcome, and end the command where it is not a success."""
    print(outcome.as_json() if json else outcome.as_text(), flush=True)
    if markdown:
        markdown.write_text(outcome.as_markdown())
    if outcome.operation == "drift" and outcome.changes and not outcome.errors:
        raise typer.Exit(4)
    if outcome.refused:
        print(
            "Refused, and nothing was changed: what is protected holds data, or others rely on it.\n"
            "Undo the setting that causes it, or keep the data as this page tells:\n"
            "docs/runbooks/replacing-what-is-protected.md\n" + giving_up(outcome),
            file=sys.stderr,
        )
    if outcome.refused or outcome.violations:
        raise typer.Exit(3)
    if outcome.errors:
        raise typer.Exit(1)


def giving_up(outcome: Outcome) -> str:
    """The lines that let go of what is refused, and how they are used."""
    lines = ["If its data is no longer needed, say so in the stack file:", "  platform:replaceable:"]
    for change in outcome.refused:
        lines += [f"    - urn: {change.urn}", "      reason: …", "      until: … # the last day, YYYY-MM-DD"]
    if any(change.operation == "delete" for change in outcome.refused):
        lines.append("For a deletion first bring these lines up, then take the resource away.")
    return "\n".join(lines)


def main() -> None:
    """Run the command line; a mistake of the caller's is told in its own words."""
    try:
        app()
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        sys.exit(refused.code)


if __name__ == "__main__":
    main()
