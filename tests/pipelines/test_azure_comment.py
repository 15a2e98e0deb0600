"""Azure Pipelines' comment: of a pull request's preview, with the token of the job.

The API's paths and fields: https://learn.microsoft.com/en-us/rest/api/azure/devops (build, git), version 7.1.
"""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from tests.support.recorder import ROOT

PROJECT = "/example/delivery%20platform/_apis"
PULL = f"{PROJECT}/git/repositories/3411ebc1/pullRequests/22"
MERGE = "0123456789abcdef0123456789abcdef01234567"
TOKEN = {"Authorization": "Bearer made-up"}
ME, OTHER = "d6245f20-2af8-44f4-9451-8107cb2767db", "19d9411e-9a34-45bb-b985-d24d9d87c0c9"


class Server:
    """One run of `preview` for pull request 22; `artifacts` by name: type and address."""

    def __init__(self, server):
        self.server, self.artifacts, self.threads = server, {}, []
        self.pull = {"pullRequestId": 22, "status": "active", "lastMergeCommit": {"commitId": MERGE}}
        self.branch = "refs/pull/22/merge"
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as files:
            files.writestr("comment-demo/comment.md", "1 update for @everyone")
        server.expect_request("/example/download", headers=TOKEN).respond_with_data(file.getvalue())
        self.stored = server.url_for("/example/download")

    def runs(self):
        get = {
            "/build/builds/704": {
                "id": 704,
                "sourceBranch": self.branch,
                "sourceVersion": MERGE,
                "repository": {"id": "3411ebc1", "type": "TfsGit"},
                "_links": {"web": {"href": "https://dev.azure.com/example/_build/results?buildId=704"}},
            },
            "/build/builds/704/artifacts": {
                "value": [
                    {"name": name, "resource": {"type": kind, "downloadUrl": url}}
                    for name, (kind, url) in self.artifacts.items()
                ]
            },
            "/git/repositories/3411ebc1/pullRequests/22": self.pull,
            "/git/repositories/3411ebc1/pullRequests/22/threads": {"value": self.threads},
        }
        for path, answer in get.items():
            self.server.expect_request(
                f"{PROJECT.replace('%20', ' ')}{path}", "GET", headers=TOKEN, query_string="api-version=7.1"
            ).respond_with_json(answer)
        self.server.expect_request("/example/_apis/connectionData", headers=TOKEN).respond_with_json(
            {"authenticatedUser": {"id": ME}}
        )
        for method, path in (("POST", "threads"), ("PATCH", "threads/148/comments/1")):
            self.server.expect_request(
                f"{PULL.replace('%20', ' ')}/{path}", method, headers=TOKEN, query_string="api-version=7.1"
            ).respond_with_json({})
        environment = {
            "PATH": "/usr/bin:/bin",
            "SYSTEM_COLLECTIONURI": self.server.url_for("/example/"),
            "SYSTEM_TEAMPROJECT": "delivery platform",
            "SYSTEM_ACCESSTOKEN": "made-up",
            "RUN_ID": "704",
        }
        ended = subprocess.run(
            [sys.executable, "pipelines/comment.py", "azure"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended.returncode, ended.stdout + ended.stderr

    def wrote(self):
        return [(each.method, each.json) for each, _ in self.server.log if each.method != "GET"]


@pytest.fixture
def server(httpserver):
    return Server(httpserver)


def thread(number, author, content="<!-- preview of demo -->\nolder"):
    return {"id": number, "comments": [{"id": 1, "author": {"id": author}, "content": content}]}


def test_a_preview_becomes_one_thread(server):
    server.artifacts["comment-demo"] = "PipelineArtifact", server.stored
    server.threads += [
        {"id": 146, "comments": []},
        thread(147, OTHER),
        thread(149, ME, "mine, of something else"),
    ]
    assert server.runs() == (0, "Commented on pull request 22: demo.\n")
    [(method, body)] = server.wrote()
    assert (method, body["status"]) == ("POST", "closed")
    [comment] = body["comments"]
    assert comment["content"].startswith(
        "<!-- preview of demo -->\nPreview of `demo` at 0123456789, [log](https:"
    )
    assert comment["content"].endswith("1 update for @\u200beveryone")


def test_the_next_preview_updates_the_thread(server):
    server.artifacts["comment-demo"] = "PipelineArtifact", server.stored
    server.threads += [thread(147, OTHER), thread(148, ME)]
    assert server.runs()[0] == 0
    [(method, body)] = server.wrote()
    assert method == "PATCH"
    assert json.dumps(body).count("1 update for") == 1


@pytest.mark.parametrize("kind", ["PipelineArtifact", "filepath"])
@pytest.mark.parametrize(
    "url", ["file:///proc/self/environ", "http://127.0.0.1:9/", "https://dev.azure.com.evil.example/"]
)
def test_an_artifact_of_the_jobs_own_choice_gets_no_token(server, kind, url):
    server.artifacts["comment-demo"] = kind, url
    assert server.runs() == (0, "Commented on pull request 22: nothing.\n")
    assert not server.wrote()


@pytest.mark.parametrize(
    "change",
    [
        lambda server: server.pull.update(status="completed"),
        lambda server: server.pull.update(lastMergeCommit={"commitId": "f" * 40}),
        lambda server: server.pull.pop("lastMergeCommit"),
        lambda server: setattr(server, "branch", "refs/heads/main"),
    ],
    ids=["closed", "newer commit", "conflict", "no pull request"],
)
def test_no_open_pull_request_with_this_merge_has_no_comment(server, change):
    server.artifacts["comment-demo"] = "PipelineArtifact", server.stored
    change(server)
    code, printed = server.runs()
    assert code == 1
    assert printed.startswith("No comment: ")
    assert not server.wrote()
