"""Messages of the pipelines: notify, issue."""

import sys
from typing import Annotated

import typer


def notify(title: Annotated[str, typer.Argument(metavar="TITLE", help="first line of the message")]) -> None:
    """Post a message to Slack. Needs SLACK_WEBHOOK; the title, then the last lines of stdin."""
    from deploy.notify import slack

    slack(title, sys.stdin.read())


def issue(
    title: Annotated[
        str, typer.Argument(metavar="TITLE", help="title of the issue, which also identifies it")
    ],
    *,
    repository: Annotated[str, typer.Option(metavar="OWNER/NAME", help="repository on GitHub")],
    close: Annotated[bool, typer.Option("--close", help="close the issue")] = False,
    api: Annotated[str, typer.Option(metavar="URL", help="GitHub's API")] = "https://api.github.com",
) -> None:
    """Open, update or close a GitHub issue. Needs GITHUB_TOKEN; its text is stdin."""
    from deploy import notify as post

    print(post.issue(repository, title, sys.stdin.read(), close=close, api=api))
