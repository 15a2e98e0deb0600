"""What is known of a stack: stacks, outputs, urls, expiries, render, kubeconfig."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.options import Home, Json, Rehearse, Stack, a_file, a_folder
from deploy.commands.report import report, show

Out = Annotated[Path, typer.Option(metavar="FOLDER", callback=a_folder, help="output folder")]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        callback=a_file,
        help="kubeconfig to add to [default: the first of $KUBECONFIG, or ~/.kube/config]",
    ),
]


def stacks(*, json: Json = False) -> None:
    """List the stacks. Their last updates are in their states; here is the last rehearsal."""
    from components.stack_files import stacks as names
    from deploy.stack import rehearsal_home
    from deploy.stack_file import RefusedError, settings

    found = []
    for name in names():
        row = {"stack": name, "file": f"Pulumi.{name}.yaml"}
        try:
            chosen = settings(name)
        except RefusedError:
            row["region"] = f"has mistakes: preview {name} --rehearse"
        else:
            row["region"], row["concourse"] = chosen.azure.location, chosen.host_names["concourse"]
            row["protected"] = "yes" if chosen.protected else "no"
        state = rehearsal_home(name) / "state/.pulumi/stacks/platform" / f"{name}.json"
        if state.is_file():
            changed = datetime.fromtimestamp(state.stat().st_mtime, UTC)
            row["rehearsed"] = f"{changed:%Y-%m-%d %H:%M} UTC"
        found.append(row)
    columns = list(dict.fromkeys(key for row in found for key in row))
    rows = [{key: key for key in columns}, *found]
    width = {key: max(len(row.get(key, "")) for row in rows) for key in columns}
    lines = ["  ".join(f"{row.get(key, ''):{width[key]}}" for key in columns).rstrip() for row in rows]
    show(found, lines, json=json)


def outputs(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """Print the stack's outputs."""
    from deploy.stack import open_stack
    from deploy.text import listed

    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        found = here.outputs()
    show(found, listed(found) or [f"{stack} has no outputs: it is not deployed"], json=json)


def urls(stack: Stack, *, json: Json = False) -> None:
    """Print the URLs of a stack's interfaces."""
    from deploy.stack_file import settings
    from deploy.text import listed

    found = {name: f"https://{host}" for name, host in settings(stack).host_names.items()}
    show(found, listed(found), json=json)


def expiries(stack: Stack, *, rehearse: Rehearse = False, json: Json = False, home: Home = None) -> None:
    """List what ends on a known day."""
    from deploy import expiries
    from deploy.stack import open_stack
    from deploy.stack_file import settings

    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        found = expiries.expiries(settings(stack), here.resources())
    now = datetime.now(UTC)
    show([one.as_json() for one in found], [one.described(now) for one in found], json=json)


def render(stack: Stack, *, out: Out, json: Json = False) -> None:
    """Write chart values and manifests. That is what a stack sends to its cluster, without secrets."""
    from deploy.render import rendered, write
    from deploy.stack import open_stack

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


def kubeconfig(
    stack: Stack, *, file: Kubeconfig = None, rehearse: Rehearse = False, home: Home = None
) -> None:
    """Add the stack's cluster to a kubeconfig. Its context is platform-STACK, with the login of `az`."""
    from deploy.cluster_access import add_context, context_commands
    from deploy.stack import open_stack

    first = (os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep)[0]
    file = file or Path(first).expanduser()
    with open_stack(stack, rehearse=rehearse, quiet=True, home=home) as here:
        commands = context_commands(stack, here.resources(), file)
    if rehearse:
        print("Simulated clouds have no API server. Real clouds are asked with:")
        print("\n".join(f"  {' '.join(command)}" for command in commands))
        return
    add_context(commands)
    print(f"added context platform-{stack} to {file}: kubectl --context platform-{stack} get nodes")
