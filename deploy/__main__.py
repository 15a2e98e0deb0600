"""The command line: `python -m deploy preview prod --rehearse`, or `./platform preview …` from any folder."""

import gc
import sys
from typing import Annotated

import typer

from deploy.commands import changes, charts, checks, information, leftovers, messages, upgrade

RARELY = 100_000, 50, 100
"""Python looks for cycles of garbage this seldom. A program keeps nearly all that it makes, and the search
was a fifth of the CPU time of a preview (docs/benchmarks/README.md)."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it takes [brackets] for its own, and half of a narrow terminal for boxes
    help="""Preview, update and check a stack.

    Exit codes: 0 done, 2 usage or settings, 3 refused by a policy or to keep a protected resource, 4 drift
    found, 5 stack is locked by another update, 128 and the number of the signal that ended the command, 1 any
    other error.""",
)
charts_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Charts from a mirror (charts.repository)."
)
for command in (
    changes.preview, changes.up, changes.drift, changes.destroy, leftovers.cancel, leftovers.recover,
    information.stacks, information.outputs, information.urls, information.expiries, information.kubeconfig,
    information.render, upgrade.upgrade,
    checks.preflight, checks.smoke, checks.drill, checks.teams, messages.notify, messages.issue,
):  # fmt: skip
    app.command()(command)
for chart_command in (charts.pull, charts.fill, charts.lock):
    charts_app.command()(chart_command)
app.add_typer(charts_app, name="charts")


def print_version(wanted: bool) -> None:  # noqa: FBT001 a callback of typer
    """Print the version and end."""
    if wanted:
        from deploy.version import version

        print(version())
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="print the version and exit"),
    ] = False,
) -> None:
    """Take the options before a command."""


def main() -> None:
    """Run the command line. What a user or a cloud caused is printed without a traceback."""
    gc.set_threshold(*RARELY)
    completion = {"--install-completion", "--show-completion"} & set(sys.argv)
    try:
        app(prog_name="platform" if completion else None)  # no shell completes `python -m deploy`
    except SystemExit as ended:
        sys.exit(interrupted(ended.code))
    except Exception as failed:
        code, text = explained(failed)
        if not text:
            raise
        print(text, file=sys.stderr)
        sys.exit(interrupted(code))


def interrupted(code: str | int | None) -> str | int | None:
    """128 and the number of the signal that ended a run, as shells have it; else the run's own code."""
    if code != 1:
        return code
    from deploy.writer import received

    return 128 + received[0] if received else code


def explained(failed: Exception) -> tuple[int, str]:
    """The exit code and the text of an error with a cause outside of the program; else an empty text."""
    from pulumi.automation import CommandError

    from deploy.engine_messages import reason
    from deploy.stack_file import RefusedError

    if isinstance(failed, RefusedError):
        return failed.code, str(failed)
    if isinstance(failed, CommandError):
        return 1, reason(str(failed))
    if isinstance(failed, OSError):
        return 1, f"{failed.filename}: {failed.strerror}" if failed.filename else str(failed)
    return 1, ""


if __name__ == "__main__":
    main()
