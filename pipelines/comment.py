#!/usr/bin/env python3
"""Posts the previews of a pull request as its comments: `pipelines/comment.py github` or `azure`.

It runs in a job of its own, from main, with a token that may write comments. What the pull request's code
wrote is read as text, in memory: nothing of it is unpacked or run, and it does not choose the pull request.
The next preview of a stack updates its comment. Standard library only.
Endpoints: https://docs.github.com/en/rest, https://learn.microsoft.com/en-us/rest/api/azure/devops.
"""

import http.client
import io
import json
import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECK = Path(__file__).resolve().parent / "tasks" / "check-comment.sh"
ARTIFACT = re.compile("comment-([a-z][a-z0-9]{1,11})")
"""Name of an artifact, with the stack; as list-stacks.sh names stacks."""
MOST = 50
"""Artifacts of a run; as list-stacks.sh limits stacks."""
LARGEST = 1_000_000
"""Bytes of an artifact; a larger one is cut, so it is no archive. A comment has at most 65,536 characters."""
LARGEST_ANSWER = 20_000_000
"""Bytes of an API's answer: 100 comments, each of 65,536 characters of up to 3 bytes."""
SECONDS = 30


class CommentError(Exception):
    """Why there is no comment."""


class Api:
    """A REST API, with its token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token

    def read(self, url: str, method: str = "GET", body: Any = None, *, most: int = LARGEST_ANSWER) -> bytes:
        """The answer, or its first bytes: one more than `most`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        # Artifacts are redirected to a storage account, which must not get the token.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise CommentError(f"{method} {url}: {error.code} {said}") from None
        except (OSError, http.client.HTTPException) as error:
            raise CommentError(f"{method} {url}: {error}") from None
        return content

    def __call__(self, path: str, method: str = "GET", body: Any = None) -> Any:
        try:
            return json.loads(self.read(self.url + path, method, body))
        except ValueError:
            raise CommentError(f"{method} {path}: no JSON, or more than {LARGEST_ANSWER} bytes") from None


def comment_in(archive: bytes) -> bytes | None:
    """The text of comment.md in an artifact; None if there is none, or something else than a file."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            [member] = [each for each in files.infolist() if Path(each.filename).name == "comment.md"]
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in {0, stat.S_IFREG}:
                return None
            # zipfile expands other methods without a limit: one megabyte of bzip2 has gigabytes.
            if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                return None
            with files.open(member) as file:
                return file.read(LARGEST)
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, RuntimeError, EOFError, OSError):
        return None


def checked(text: bytes | None) -> str:
    """The text as pipelines/tasks/check-comment.sh takes it over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("comment", "checked"):
            (folder / part).mkdir()
        if text is not None:
            (folder / "comment" / "comment.md").write_bytes(text)
        subprocess.run([CHECK], cwd=folder, check=True)
        return (folder / "checked" / "comment.md").read_text(encoding="utf-8")


class GitHub:
    """A run of .github/workflows/preview.yml: `workflow_run` in the event that GitHub wrote."""

    AUTHOR = "github-actions[bot]"

    def __init__(self) -> None:
        self.run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())["workflow_run"]
        self.api = Api(
            f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}",
            os.environ["GITHUB_TOKEN"],
        )
        self.about = f"{self.run['head_sha'][:10]}, {self.run['conclusion']}, [log]({self.run['html_url']})"

    def pages(self, path: str, key: str = "") -> Iterator[Any]:
        """All items of a list."""
        page, items = 1, [None] * 100
        while len(items) == 100:  # noqa: PLR2004 as many as were asked for
            found = self.api(f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}")
            items = found[key] if key else found
            yield from items
            page += 1

    def pull_request(self) -> int:
        """The open pull request with this head; the event names none that is from a fork."""
        if not self.run["head_repository"]:
            raise CommentError(f"the fork with the head {self.run['head_sha']} is deleted")
        owner, branch = self.run["head_repository"]["owner"]["login"], self.run["head_branch"]
        head = urllib.parse.quote(f"{owner}:{branch}", safe="")
        pulls = [
            pull["number"]
            for pull in self.pages(f"/pulls?state=open&head={head}")
            if pull["head"]["sha"] == self.run["head_sha"]
            and (pull["head"]["repo"] or {}).get("full_name") == self.run["head_repository"]["full_name"]
        ]
        if len(pulls) != 1:
            raise CommentError(f"{len(pulls)} open pull requests have the head {self.run['head_sha']}")
        return int(pulls[0])

    def artifacts(self) -> Iterator[tuple[str, str]]:
        """Name and address; of two with one name, which the run's attempts left, the newer one first."""
        every = self.pages(f"/actions/runs/{int(self.run['id'])}/artifacts", "artifacts")
        for each in sorted(every, key=lambda each: int(each["id"]), reverse=True):
            if not each["expired"]:
                yield each["name"], f"{self.api.url}/actions/artifacts/{int(each['id'])}/zip"

    def post(self, number: int, marker: str, text: str) -> None:
        mine = [
            each["id"]
            for each in self.pages(f"/issues/{number}/comments")
            if each["user"] and each["user"]["login"] == self.AUTHOR and each["body"].startswith(marker)
        ]
        if mine:
            self.api(f"/issues/comments/{mine[0]}", "PATCH", {"body": text})
        else:
            self.api(f"/issues/{number}/comments", "POST", {"body": text})


class AzureDevOps:
    """A run of pipelines/azure/preview.yml, which is RUN_ID."""

    VERSION = "api-version=7.1"
    STORES = re.compile(r"https://(dev\.azure\.com|([a-z0-9-]+\.)+visualstudio\.com)/")
    """Where Azure DevOps keeps artifacts. A job can publish one that is a path of its own choice, such as `file://`
    or a server that waits for the token (https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands)."""

    def __init__(self) -> None:
        server, project = os.environ["SYSTEM_COLLECTIONURI"], os.environ["SYSTEM_TEAMPROJECT"]
        url = f"{server.rstrip('/')}/{urllib.parse.quote(project)}/_apis"
        token = os.environ["SYSTEM_ACCESSTOKEN"]
        self.api, self.server = Api(url, token), Api(server, token)
        self.run = self.api(f"/build/builds/{int(os.environ['RUN_ID'])}?{self.VERSION}")
        self.pulls = f"/git/repositories/{self.run['repository']['id']}/pullRequests"
        address = self.run["_links"]["web"]["href"]
        self.about = f"{self.run['sourceVersion'][:10]}, [log]({address})"

    def pull_request(self) -> int:
        """The pull request whose merge the run has built, if it has no newer one."""
        found = re.fullmatch(r"refs/pull/(\d+)/merge", self.run["sourceBranch"])
        if not found:
            raise CommentError(f"{self.run['sourceBranch']} is no pull request")
        pull = self.api(f"{self.pulls}/{found[1]}?{self.VERSION}")
        if (
            pull["status"] != "active"
            or (pull.get("lastMergeCommit") or {}).get("commitId") != self.run["sourceVersion"]
        ):
            raise CommentError(f"pull request {found[1]} is closed or has a newer commit")
        return int(found[1])

    def artifacts(self) -> Iterator[tuple[str, str]]:
        for each in self.api(f"/build/builds/{self.run['id']}/artifacts?{self.VERSION}")["value"]:
            url = each["resource"].get("downloadUrl") or ""
            ours = self.STORES.match(url) or url.startswith(f"{self.server.url}/")
            if ours and each["resource"]["type"] == "PipelineArtifact":
                yield each["name"], url

    def post(self, number: int, marker: str, text: str) -> None:
        threads = f"{self.pulls}/{number}/threads"
        me = self.server("/_apis/connectionData")["authenticatedUser"]["id"]
        for thread in self.api(f"{threads}?{self.VERSION}")["value"]:
            first = (thread.get("comments") or [{}])[0]
            if (first.get("content") or "").startswith(marker) and first["author"]["id"] == me:
                path = f"{threads}/{thread['id']}/comments/{first['id']}?{self.VERSION}"
                self.api(path, "PATCH", {"content": text})
                return
        comments = [{"parentCommentId": 0, "content": text, "commentType": "text"}]
        self.api(f"{threads}?{self.VERSION}", "POST", {"comments": comments, "status": "closed"})


def main(forge: str) -> int:
    try:
        run = GitHub() if forge == "github" else AzureDevOps()
        number, posted = run.pull_request(), list[str]()
        for name, url in run.artifacts():
            if (found := ARTIFACT.fullmatch(name)) and len(posted) < MOST and found[1] not in posted:
                marker = f"<!-- preview of {found[1]} -->"
                head = f"{marker}\nPreview of `{found[1]}` at {run.about}"
                run.post(number, marker, f"{head}\n\n{checked(comment_in(run.api.read(url, most=LARGEST)))}")
                posted.append(found[1])
    except CommentError as error:
        print(f"No comment: {error}", file=sys.stderr)
        return 1
    print(f"Commented on pull request {number}: {', '.join(posted) or 'nothing'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
