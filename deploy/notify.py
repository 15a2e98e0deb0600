"""Tells people: a message to Slack, and one issue on GitHub for each thing that lasts."""

import os
import sys

from github import Auth, Github, GithubException
from slack_sdk.webhook import WebhookClient

from deploy.stack_file import RefusedError

API = "https://api.github.com"
LABEL = "told-by-deploy"
"""On our issues, so that one of a person with the same title is left alone."""
LONGEST = 2500
"""Characters of a text; Slack takes 3000 in a block."""
LINES = 25
SECONDS = 20


def slack(title: str, text: str) -> None:
    """Post to the webhook in SLACK_WEBHOOK. A message that does not arrive is no reason to fail."""
    url = os.environ.get("SLACK_WEBHOOK")
    if not url:
        raise RefusedError("SLACK_WEBHOOK is not set: it is the address of an incoming webhook of Slack")
    body = shortened(text)
    try:
        answer = WebhookClient(url, timeout=SECONDS).send(text=f"{title}\n```{body}```" if body else title)
        told, said = answer.status_code == 200, answer.body  # noqa: PLR2004
    except OSError as failed:
        told, said = False, str(failed)
    if not told:
        print(f"Slack did not take the message: {said}", file=sys.stderr)


def issue(repository: str, title: str, text: str, *, gone: bool = False, api: str = API) -> str:
    """Open the issue of a title, or write the new state into it; close it when what it told is gone."""
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise RefusedError("GITHUB_TOKEN is not set: a token that may write issues")
    hub = Github(auth=Auth.Token(token), timeout=SECONDS, base_url=api, lazy=True)
    body = f"```\n{shortened(text, 60_000, 2000)}\n```\nWritten anew by each run, and closed when it is gone."
    try:
        project = hub.get_repo(repository)
        found = [i for i in project.get_issues(state="open", labels=[LABEL]) if i.title == title]
        if gone:
            for each in found:
                each.create_comment("It is gone.")
                each.edit(state="closed")
            return f"closed {found[0].html_url}" if found else "no issue is open"
        if not found:
            return f"opened {project.create_issue(title=title, body=body, labels=[LABEL]).html_url}"
        if found[0].body != body:
            found[0].edit(body=body)
    except GithubException as failed:
        reason = failed.data.get("message") if isinstance(failed.data, dict) else failed.data
        text = f"GitHub did not take the issue ({failed.status}: {reason}); may GITHUB_TOKEN write issues?"
        raise RefusedError(text, 1) from None
    return f"updated {found[0].html_url}"


def shortened(text: str, longest: int = LONGEST, lines: int = LINES) -> str:
    """The last lines of a text: how it ended."""
    kept = text.strip().splitlines()[-lines:]
    return "\n".join(kept)[-longest:].replace("```", "'''")
