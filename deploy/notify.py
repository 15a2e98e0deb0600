"""Messages to Slack, and one GitHub issue for each lasting problem."""

import os
import sys
from typing import Any

import requests

from deploy.stack_file import RefusedError

API = "https://api.github.com"
LABEL = "deploy-report"
"""Marks the issues of this program, so that an issue of a person with the same title is left alone."""
SECONDS = 20


def slack(title: str, text: str) -> None:
    """Post to the webhook in SLACK_WEBHOOK. A failure is printed and is not an error."""
    url = os.environ.get("SLACK_WEBHOOK")
    if not url:
        raise RefusedError("SLACK_WEBHOOK is not set: it is the URL of an incoming webhook of Slack")
    body = last_lines(text, 2500, 25)  # Slack takes 3000 characters in a block
    message = {"text": f"{title}\n```{body}```" if body else title}
    try:
        answer = requests.post(url, json=message, timeout=SECONDS)
        if not answer.ok:
            print(f"Slack did not accept the message: {answer.text}", file=sys.stderr)
    except requests.RequestException as failed:
        print(f"Slack did not accept the message: {failed}", file=sys.stderr)


def issue(repository: str, title: str, text: str, *, close: bool = False, api: str = API) -> str:
    """Open the issue with this title or update its text; with `close`, close it."""
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise RefusedError("GITHUB_TOKEN is not set: it is a token that may write issues")

    def github(method: str, path: str, **how: Any) -> Any:
        answer = requests.request(
            method, f"{api}/repos/{repository}/issues{path}", timeout=SECONDS, **how,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        )  # fmt: skip
        if not answer.ok:
            problem = f"GitHub refused the issue ({answer.status_code}: {answer.text.strip()[:200]})"
            raise RefusedError(f"{problem}; may GITHUB_TOKEN write issues?", 1)
        return answer.json()

    body = (
        f"```\n{last_lines(text, 60_000, 2000)}\n```\nEach run updates this text and closes a solved issue."
    )
    labelled = github("GET", "", params={"state": "open", "labels": LABEL, "per_page": 100})
    found = [each for each in labelled if each["title"] == title]
    if close:
        for each in found:
            github("POST", f"/{each['number']}/comments", json={"body": "The last run found nothing."})
            github("PATCH", f"/{each['number']}", json={"state": "closed"})
        return f"closed {found[0]['html_url']}" if found else "no issue is open"
    if not found:
        new = github("POST", "", json={"title": title, "body": body, "labels": [LABEL]})
        return f"opened {new['html_url']}"
    if found[0]["body"] != body:
        github("PATCH", f"/{found[0]['number']}", json={"body": body})
    return f"updated {found[0]['html_url']}"


def last_lines(text: str, characters: int, lines: int) -> str:
    """The end of a text, safe to put between code fences."""
    return "\n".join(text.strip().splitlines()[-lines:])[-characters:].replace("```", "'''")
