"""The command line: `python -m deploy preview prod --rehearse`."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterable
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.approval import Plan, pools_with
from deploy.baseline import baseline
from deploy.preflight import preflight as findings
from deploy.recover import KubernetesCluster, Releases, resource_id
from deploy.render import rendered, write
from deploy.stack import open_stack, rehearsal_home, simulated_cluster
from deploy.stack_file import RefusedError, settings
from deploy.summary import Summary, listed
from deploy.teams import concourse_url, differences, real, rehearsed, wanted
from deploy.writer import exclusive

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Preview, update and check a stack. Exit codes: 0 done, 2 usage or settings, 3 refused by a policy "
    "or to keep a protected resource, 4 drift found, 5 stack is locked by another update, 1 any other error.",
)
Stack = Annotated[str, typer.Argument(help="prod for Pulumi.prod.yaml")]
Rehearse = Annotated[bool, typer.Option(help="use simulated clouds, with no account")]
Json = Annotated[bool, typer.Option("--json", help="print only one JSON object")]
Markdown = Annotated[Path | None, typer.Option(help="write a comment for a pull request to this file")]
Home = Annotated[Path | None, typer.Option(help="folder of the simulated clouds [.rehearsal/STACK]")]
Locks = Annotated[list[str] | None, typer.Option(help="id of a lock to remove although its run may be alive")]
NewPlan = Annotated[Path | None, typer.Option(help="write the plan for `up --plan` to this file")]
Approved = Annotated[Path | None, typer.Option(help="refuse if anything has changed since this plan")]
Base = Annotated[str, typer.Option(help="with --rehearse: show the changes since this commit, e.g. main")]
Refresh = Annotated[bool, typer.Option(help="also revert changes made by hand")]
RunsOn = Annotated[str, typer.Option(help="tag of the worker pools of this command: refuse to change them")]
Check = Annotated[bool, typer.Option(help="preview again afterwards, and fail if anything would change")]
Scale = Annotated[float, typer.Option(min=0, max=1, help="simulate this fraction of Azure's latencies")]
Faults = Annotated[str, typer.Option(help="inject failures: a seed, or kill:12 to end at the 12th change")]
Mend = Annotated[bool, typer.Option(help="repair it; without this option it is only shown")]
Out = Annotated[Path, typer.Option(help="output folder")]
Team = Annotated[str, typer.Option(help="team whose service user logs in [the first except main]")]
Minutes = Annotated[float, typer.Option("--for", help="repeat the checks for this many minutes")]


@app.command()
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
    if base and not rehearse:
        raise RefusedError("--base needs --rehearse: real clouds cannot be set back to a commit")
    settings(stack)
    with (
        baseline(stack, base) if base else contextlib.nullcontext(home) as place,
        open_stack(stack, rehearse=rehearse, quiet=json, home=place) as here,
    ):
        summary = here.preview()
        report(summary, json=json, markdown=markdown)
        if plan:
            made = here.plan(summary)
            made.write(plan)
            print(f"wrote {plan}: {made.message}", file=sys.stderr)


@app.command()
def up(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
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
    """Update a stack to what its settings declare."""
    approved = Plan.read(plan, stack) if plan else None
    leave = pools_with(runs_on, stack) if runs_on else ()
    how: dict[str, Any] = {"writing": True, "scale": scale, "faults": faults}
    with open_stack(stack, rehearse=rehearse, quiet=json, home=home, **how) as here:
        report(here.up(refresh=refresh, approved=approved, leave=leave), json=json, markdown=markdown)
        if check:
            again = here.preview()
            if not json or again.failed:
                report(again, json=json)
            if again.changes:
                text = f"the preview after the update of {stack} is not empty: the program is not stable"
                raise RefusedError(text, 1)


@app.command()
def drift(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    markdown: Markdown = None,
    home: Home = None,
) -> None:
    """Compare the clouds with the state, without running the program; exit code 4 if they differ."""
    with open_stack(stack, rehearse=rehearse, quiet=json, home=home) as here:
        summary = here.drift()
        if not rehearse and not summary.errors:
            here.add_release_drift(summary)
        report(summary, json=json, markdown=markdown)


@app.command()
def destroy(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Delete all resources of a stack; refused while one of them is protected."""
    with open_stack(stack, rehearse=rehearse, writing=True, quiet=json, home=home) as here:
        report(here.destroy(), json=json)


@app.command()
def cancel(stack: Stack, *, rehearse: Rehearse = False, lock: Locks = None, home: Home = None) -> None:
    """Remove the lock of a dead update. Refuses while the update may be alive, and stops none."""
    with open_stack(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        here.unlock(lock or ())
    print(f"{stack} is no longer locked")


@app.command()
def recover(
    stack: Stack, *, rehearse: Rehearse = False, mend: Mend = False, lock: Locks = None, home: Home = None
) -> None:
    """Show what a killed run left behind: its lock, pending creates and stuck Helm releases."""
    chosen, cluster = settings(stack), None
    if rehearse:
        place = home or rehearsal_home(stack)
        with exclusive(place):  # before the simulated clouds read their files
            cluster = simulated_cluster(place)
            stuck = stuck_releases(cluster, mend=mend)
    with open_stack(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        locks = here.locks()
        for each in locks:
            print(f"lock {each.id}: {each}")
        if mend:  # first: refuses while another run may be alive
            here.unlock(lock or ())
        if cluster is None:
            cluster = KubernetesCluster(here.resources())
            stuck = stuck_releases(cluster, mend=mend)
        ids: dict[str, str] = {}
        pending = here.pending_creates()
        for created in pending:
            azure_dns = "::azure-dns::" in created.get("provider", "")
            subscription = chosen.dns.parent_subscription if azure_dns else chosen.azure.subscription_id
            id_ = resource_id(created, subscription) or cluster.find(created)
            ids |= {created["urn"]: id_} if id_ else {}
            print(f"pending create: {created['urn']}, {id_ or 'which the next update creates anew'}")
        if mend:
            here.import_pending(ids)
    if not (stuck or locks or pending):
        print(f"{stack}: nothing to recover")
    else:
        print(f"{stack}: recovered; run `up` again" if mend else f"{stack}: `--mend` repairs it")


def stuck_releases(cluster: Releases, *, mend: bool) -> bool:
    """Print the releases that Helm holds as pending, and mark them as failed; whether there are any."""
    stuck = list(cluster.stuck())
    for name, record in stuck:
        print(f"stuck release: {name}")
        if mend:
            cluster.mark_failed(record)
    return bool(stuck)


@app.command()
def outputs(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Print the stack's outputs."""
    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        found = here.outputs()
    show(found, listed(found), json=json)


@app.command()
def urls(stack: Stack, *, json: Json = False) -> None:
    """Print the URLs of a stack's web interfaces."""
    found = {name: f"https://{host}" for name, host in settings(stack).host_names.items()}
    show(found, listed(found), json=json)


@app.command()
def preflight(stack: Stack, *, json: Json = False) -> None:
    """Check a stack's preconditions. Changes nothing; exit code 2 if one is missing."""
    found = findings(settings(stack))
    show([one._asdict() for one in found], map(str, found), json=json)
    if any(one.missing for one in found):
        raise typer.Exit(2)


@app.command()
def teams(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Compare Concourse's teams with the stack file; exit code 4 if they differ."""
    chosen = settings(stack)
    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        git = wanted(chosen, here.outputs().get("groups") or {})
        there = rehearsed(here.resources()) if rehearse else real(concourse_url(chosen))
    found = list(differences(git, there))
    same = f"{stack}: no difference ({', '.join(sorted(there))})"
    show({"stack": stack, "git": git, "concourse": there, "differences": found}, found or [same], json=json)
    if found:
        raise typer.Exit(4)


@app.command()
def render(stack: Stack, *, out: Out, json: Json = False) -> None:
    """Write what a stack sends to its cluster: chart values and manifests, without secrets."""
    with (
        tempfile.TemporaryDirectory() as home,
        open_stack(stack, rehearse=True, quiet=json, home=Path(home)) as here,
    ):
        summary = here.up()
        if summary.failed:
            report(summary, json=json)
        files = rendered(here.resources())
    write(files, out)
    text = f"wrote {len(files['releases.yaml'])} releases in {len(files)} files to {out}"
    show({"stack": stack, "folder": str(out), "files": sorted(files)}, [text], json=json)


@app.command()
def smoke(
    stack: Stack,
    *,
    rehearse: Rehearse = False,
    json: Json = False,
    team: Team = "",
    minutes: Minutes = 0,
    home: Home = None,
) -> None:
    """Check a running stack from outside, as its users use it."""
    from deploy import smoke as checks  # noqa: PLC0415 other commands do not need `requests`

    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        target = checks.target(settings(stack), here.resources(), team)
    if rehearse:
        print(f"Simulated clouds run no servers. Not checked: {', '.join(checks.CHECKS)}.")
        return
    end = time.monotonic() + minutes * 60
    while True:
        found = []
        for result in checks.smoke(target):
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


@app.command()
def notify(title: Annotated[str, typer.Argument(help="first line of the message")]) -> None:
    """Post a message to Slack (SLACK_WEBHOOK): the title, then the last lines of stdin."""
    from deploy.notify import slack  # noqa: PLC0415 other commands do not need `requests`

    slack(title, sys.stdin.read())


@app.command()
def issue(
    title: Annotated[str, typer.Argument(help="title of the issue, which also identifies it")],
    *,
    repository: Annotated[str, typer.Option(help="owner/name")],
    close: Annotated[bool, typer.Option(help="close the issue")] = False,
    api: Annotated[str, typer.Option(help="base URL of GitHub's API")] = "https://api.github.com",
) -> None:
    """Open, update or close one issue on GitHub (GITHUB_TOKEN); its text is stdin."""
    from deploy import notify as post  # noqa: PLC0415 as above

    print(post.issue(repository, title, sys.stdin.read(), close=close, api=api))


def show(found: object, lines: Iterable[str], *, json: bool) -> None:
    """Print a result as JSON or as lines."""
    print(dumps(found, indent=2) if json else "\n".join(lines))


def report(summary: Summary, *, json: bool, markdown: Path | None = None) -> None:
    """Print a summary, and exit with its code unless it is a success."""
    print(summary.as_json() if json else summary.as_text(), flush=True)
    if markdown:
        markdown.write_text(summary.as_markdown())
    if summary.operation == "drift" and summary.changes and not (summary.errors or summary.incomplete):
        raise typer.Exit(4)
    if summary.refused:
        print(
            "Refused. Nothing was changed: protected resources hold data or are used by others.\n"
            "Undo the setting that causes it, or move the data first:\n"
            "docs/runbooks/replacing-what-is-protected.md\n" + replaceable(summary),
            file=sys.stderr,
        )
    if summary.refused or summary.violations:
        raise typer.Exit(3)
    # An update may be what lets the caller reach the cluster again; its own errors say what failed.
    if summary.errors or (summary.incomplete and summary.operation in {"preview", "drift"}):
        raise typer.Exit(1)


def replaceable(summary: Summary) -> str:
    """The lines of the stack file that allow the refused changes."""
    lines = ["If the data is no longer needed, allow the loss in the stack file:", "  platform:replaceable:"]
    for change in summary.refused:
        lines += [f"    - urn: {change.urn}", "      reason: …", "      until: … # the last day, YYYY-MM-DD"]
    if any(change.operation == "delete" for change in summary.refused):
        lines.append("To delete a resource, run `up` with these lines first, then remove it.")
    return "\n".join(lines)


def main() -> None:
    """Run the command line. A refusal is printed without a traceback."""
    try:
        app()
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        sys.exit(refused.code)


if __name__ == "__main__":
    main()
