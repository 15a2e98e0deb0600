"""GitHub's workflows: what they may do, and what the one with a token makes of a hostile preview.

The API's paths and fields: https://docs.github.com/en/rest (actions/artifacts, pulls, issues/comments), and
https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run.
"""

import io
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import zipfile
from urllib.parse import parse_qs

import pytest
import yaml
from werkzeug import Response

from tests.support.checkout import IDENTITY
from tests.support.recorder import ROOT

WORKFLOWS = {file.stem: file for file in (ROOT / ".github" / "workflows").iterdir()}
REPOSITORY = "/repos/example/platform"
TOKEN = "ghs_made-up"
HEAD = "0123456789abcdef0123456789abcdef01234567"
BOT, PERSON = "github-actions[bot]", "mallory"
UNREADABLE = "The preview left no readable comment.\n"


def workflow(name):
    return yaml.safe_load(WORKFLOWS[name].read_text())


def steps(name):
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def member(name="comment.md", text=b"1 update", mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, method
    return info, text


def archive(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as files:
        for info, text in members:
            files.writestr(info, text)
    return file.getvalue()


class Forge:
    """GitHub's API, with one open pull request 7 from a fork and one run of `preview`."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.artifacts, self.comments, self.wrote = [], [], []
        fork = {"full_name": "mallory/platform", "owner": {"login": PERSON}}
        self.pulls = [{"number": 7, "state": "open", "head": {"ref": "change", "sha": HEAD, "repo": fork}}]
        self.run = {
            "id": 30433642,
            "head_sha": HEAD,
            "head_branch": "change",
            "head_repository": fork,
            "event": "pull_request",
            "conclusion": "success",
            "html_url": "https://github.com/example/platform/actions/runs/30433642",
            "pull_requests": [],  # empty for a fork
        }
        server.expect_request(re.compile("/.*")).respond_with_handler(self.answer)

    def add(self, content, name="comment-demo", *, expired=False):
        self.artifacts.append((content, {"id": len(self.artifacts) + 11, "name": name, "expired": expired}))

    def answer(self, request):
        if request.path.startswith("/storage/"):  # refuses a request with GitHub's token, as Azure's does
            refused = "Authorization" in request.headers
            return (
                Response(status=400) if refused else Response(self.artifacts[int(request.path[9:]) - 11][0])
            )
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Response(status=401)
        return self.api(request.method, request.path.removeprefix(REPOSITORY), request)

    def api(self, method, path, request):
        query = {key: value[0] for key, value in parse_qs(request.query_string.decode()).items()}
        if (method, path) == ("GET", "/pulls"):
            owner, branch = query["head"].split(":", 1)
            answer = [
                pull
                for pull in self.pulls
                if pull["state"] == query["state"]
                and (pull["head"]["repo"]["owner"]["login"], pull["head"]["ref"]) == (owner, branch)
            ]
        elif (method, path) == ("GET", f"/actions/runs/{self.run['id']}/artifacts"):
            answer = {"total_count": len(self.artifacts), "artifacts": [each for _, each in self.artifacts]}
        elif found := re.fullmatch(r"/actions/artifacts/(\d+)/zip", path):
            return Response(status=302, headers={"Location": self.server.url_for(f"/storage/{found[1]}")})
        elif (method, path) == ("GET", "/issues/7/comments"):
            first = (int(query["page"]) - 1) * int(query["per_page"])
            answer = self.comments[first : first + int(query["per_page"])]
        elif found := re.fullmatch(r"(POST|PATCH) (/issues/(7/comments|comments/\d+))", f"{method} {path}"):
            return self.write(method, path, request.json["body"])
        else:
            return Response(status=404)
        return Response(json.dumps(answer))

    def write(self, method, path, body):
        if len(body) > 65_536:
            return Response('{"message": "Validation Failed"}', status=422)
        self.wrote.append(f"{method} {path}")
        if method == "POST":
            self.comment(body)
        else:
            [mine] = [each for each in self.comments if each["id"] == int(path.split("/")[-1])]
            mine["body"] = body
        return Response("{}", status=201 if method == "POST" else 200)

    def comment(self, body, by=BOT):
        self.comments.append({"id": len(self.comments) + 100, "user": {"login": by}, "body": body})

    def runs(self):
        """Run the step of `comment.yml`; its exit code and what it prints."""
        event = self.folder / "event.json"
        event.write_text(json.dumps({"action": "completed", "workflow_run": self.run}))
        [step] = [step for step in steps("comment") if "run" in step]
        assert step["env"] == {"GITHUB_TOKEN": "${{ github.token }}"}
        command = [sys.executable, *shlex.split(step["run"])[1:]]
        environment = {
            "PATH": "/usr/bin:/bin",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self.server.url_for(""),
            "GITHUB_REPOSITORY": REPOSITORY.removeprefix("/repos/"),
            "GITHUB_EVENT_PATH": str(event),
        }
        # Enough memory for the program, and not for a bomb.
        limited = ["sh", "-c", 'ulimit -v 400000; exec "$@"', "-", *command]
        ended = subprocess.run(
            limited, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        assert TOKEN not in ended.stdout + ended.stderr
        return ended.returncode, ended.stdout + ended.stderr

    def text(self):
        """The only comment's text after the lines that comment.py writes."""
        [comment] = self.comments
        first, second, rest = comment["body"].split("\n", 2)
        assert first == "<!-- preview of demo -->"
        assert (
            second
            == f"Preview of `demo` at {HEAD[:10]}, {self.run['conclusion']}, [log]({self.run['html_url']})"
        )
        by_whom = "\nThis text was written by the code of the pull request.\n\n"
        assert rest.startswith(by_whom)
        return rest.removeprefix(by_whom)


@pytest.fixture
def forge(httpserver, tmp_path):
    return Forge(httpserver, tmp_path)


def test_a_preview_becomes_one_comment_and_the_next_one_updates_it(forge):
    forge.comment("<!-- preview of demo -->\nnot the bot's", by=PERSON)
    forge.comment("another workflow's")
    forge.comments += [{"id": each, "user": None, "body": ""} for each in range(1000, 1100)]  # a second page
    others = list(map(dict, forge.comments))
    forge.add(archive(member(text="1 update é".encode())))
    assert forge.runs() == (0, "Commented on pull request 7: demo.\n")
    forge.artifacts.clear()
    forge.add(archive(member(text=b"2 updates")))
    assert forge.runs()[0] == 0
    assert forge.wrote == ["POST /issues/7/comments", f"PATCH /issues/comments/{len(others) + 100}"]
    assert forge.comments[:-1] == others
    del forge.comments[:-1]
    assert forge.text() == "2 updates"


def test_each_stack_has_its_comment_and_other_artifacts_are_not_fetched(forge):
    for name in ("comment-demo", "comment-prod", "comment-8", "comment-demo ", "logs", "comment-../x"):
        forge.add(archive(member(text=name.encode())), name)
    forge.add(archive(member(text=b"expired")), "comment-old", expired=True)
    assert forge.runs() == (0, "Commented on pull request 7: prod, demo.\n")
    assert [each["body"].split("\n")[-1] for each in forge.comments] == ["comment-prod", "comment-demo"]
    fetched = [request.path for request, _ in forge.server.log if request.path.startswith("/storage/")]
    assert fetched == ["/storage/12", "/storage/11"]


def test_of_the_artifacts_of_two_attempts_the_newer_one_counts(forge):
    forge.add(archive(member(text=b"first attempt")))
    forge.add(archive(member(text=b"second attempt")))
    assert forge.runs()[0] == 0
    assert forge.text() == "second attempt"


def damaged():
    content = bytearray(archive(member(text=bytes(range(256)) * 40)))
    content[40:60] = b"\xff" * 20  # no block of deflate
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive(member(text=b"/proc/self/environ", mode=stat.S_IFLNK | 0o777)), id="link"),
        pytest.param(archive(member(text=b"", mode=stat.S_IFDIR | 0o755)), id="folder"),
        pytest.param(archive(member("other.md")), id="other name"),
        pytest.param(archive(member(), member("a/comment.md")), id="two"),
        pytest.param(archive(member(text=bytes(2_000_000), method=zipfile.ZIP_STORED)), id="too large"),
        pytest.param(b"no zip", id="no zip"),
        pytest.param(b"", id="empty"),
        pytest.param(damaged(), id="damaged"),
    ],
)
def test_an_artifact_that_is_no_text_is_not_read(forge, content):
    forge.add(content)
    assert forge.runs()[0] == 0
    assert forge.text() == UNREADABLE


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"a\0b\x1b[31mc\r\x7f\x08d\xff\te", "ab[31mcd\te"),
        (b"@everyone @example/delivery", "@\u200beveryone @\u200bexample/delivery"),
        (b"<img src=x onerror=y><script>", "<\u200bimg src=x onerror=y><\u200bscript>"),
        (b"<!-- preview of prod -->", "<\u200b!-- preview of prod -->"),
        (b"[x](javascript:y) closes #1", "[x]\u200b(javascript:y) closes #\u200b1"),
        (b"x" * 2_000_000, "x" * 60_000),
    ],
    ids=["control", "mention", "html", "marker", "link", "2 MB"],
)
def test_what_the_pull_request_wrote_is_posted_as_text(forge, given, expected):
    forge.add(archive(member(text=given)))
    assert forge.runs()[0] == 0
    assert forge.text() == expected


@pytest.mark.parametrize(
    ("method", "expected"),
    [(zipfile.ZIP_DEFLATED, ""), (zipfile.ZIP_BZIP2, UNREADABLE)],
)
def test_a_bomb_is_not_expanded(forge, method, expected):
    file, (info, megabyte) = io.BytesIO(), member(text=bytes(1_000_000), method=method)
    with zipfile.ZipFile(file, "w") as files, files.open(info, "w") as bomb:
        for _ in range(400):
            bomb.write(megabyte)
    forge.add(file.getvalue())
    assert forge.runs()[0] == 0
    assert forge.text() == expected


def test_nothing_is_unpacked_and_the_artifact_does_not_choose_the_pull_request(forge):
    outside = forge.folder / "unpacked"
    forge.add(archive(member(f"../../..{outside}/comment.md"), member("number", b"8"), member("../pr", b"8")))
    assert forge.runs() == (0, "Commented on pull request 7: demo.\n")
    assert forge.text() == "1 update"
    assert not outside.exists()


def head(**of):
    return lambda forge: forge.pulls[0]["head"].update(of)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (head(sha="f" * 40), f"0 open pull requests have the head {HEAD}"),
        (head(repo={"full_name": "mallory/other", "owner": {"login": PERSON}}), "0 open pull requests"),
        (lambda forge: forge.pulls[0].update(state="closed"), "0 open pull requests"),
        (lambda forge: forge.pulls.append(forge.pulls[0] | {"number": 8}), "2 open pull requests"),
        (lambda forge: forge.run.update(head_branch="change&state=closed"), "0 open pull requests"),
        (lambda forge: forge.run.update(head_repository=None), "the fork .* is deleted"),
    ],
    ids=["newer commit", "other repository", "closed", "two", "query in the branch", "deleted fork"],
)
def test_no_pull_request_with_this_head_has_no_comment(forge, change, message):
    forge.add(archive(member()))
    change(forge)
    code, printed = forge.runs()
    assert (code, forge.wrote) == (1, [])
    assert re.match(f"No comment: {message}", printed)


def test_a_preview_without_artifacts_has_no_comment(forge):
    forge.run["conclusion"] = "failure"
    assert forge.runs() == (0, "Commented on pull request 7: nothing.\n")
    assert not forge.wrote


def test_a_refusing_and_an_unreachable_api_are_named(forge):
    forge.run["id"] = 1
    forge.api = lambda *_: Response('{"message": "Not Found"}', status=404)
    assert re.fullmatch(r'No comment: GET .*/pulls.*: 404 {"message": "Not Found"}\n', forge.runs()[1])
    forge.server.stop()
    code, printed = forge.runs()
    forge.server.start()
    assert code == 1
    assert "refused" in printed


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_pinned_and_has_no_more_permissions_than_it_needs(name):
    text, content = WORKFLOWS[name].read_text(), workflow(name)
    assert "pull_request_target" not in text
    uses = re.findall(r"uses:.*", text)
    assert uses
    assert not [
        each
        for each in uses
        if not re.fullmatch(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)
    ]
    assert "permissions" in content
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert {step["with"]["persist-credentials"] for step in checkouts} == {False}
    # What others choose, such as the name of a branch, would become part of the script.
    assert not [step["run"] for step in steps(name) if "${{" in step.get("run", "")]


def test_the_preview_may_only_read_and_the_comment_checks_out_the_default_branch():
    preview, comment = workflow("preview"), workflow("comment")
    assert preview["permissions"] == {"contents": "read"}
    assert not [job for job in preview["jobs"].values() if "permissions" in job]
    assert not re.search(r"secrets\.|github\.token", WORKFLOWS["preview"].read_text())
    assert comment["permissions"] == {}
    assert comment["jobs"]["comment"]["permissions"] == {
        "contents": "read", "actions": "read", "pull-requests": "write",
    }  # fmt: skip
    # Without `ref` and `repository` a run for `workflow_run` checks out the default branch.
    [checkout] = [step for step in steps("comment") if "uses" in step]
    assert set(checkout["with"]) == {"persist-credentials"}


def scripts(name, job, folder, **environment):
    """Run the scripts of a job in its workspace, as the runner does; what they give to later jobs."""
    output = folder / "output"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GITHUB_OUTPUT": str(output),
    } | environment
    for step in workflow(name)["jobs"][job]["steps"]:
        if "run" in step and "if" not in step:
            subprocess.run(["bash", "-e", "-c", step["run"]], cwd=folder, env=environment, check=True)
    return dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}


def test_the_preview_has_a_job_for_each_stack(tmp_path):
    (tmp_path / "project").symlink_to(ROOT)
    every = json.loads(scripts("preview", "stacks", tmp_path)["every"])
    assert sorted(every) == sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))


def test_the_preview_runs_the_pipelines_script_against_the_first_parent_of_the_merge(tmp_path):
    """With a script in the place of rehearse.sh, which tests/engine runs: it says what it finds."""
    change = tmp_path / "change"
    task = change / "pipelines" / "tasks" / "rehearse.sh"
    task.parent.mkdir(parents=True)
    task.write_text("#!/bin/sh\necho $STACK $(git -C change log -1 --format=%s base) >comment/comment.md\n")
    task.chmod(0o755)
    for command in (
        ["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "base"], ["switch", "-qc", "topic"],
        ["commit", "-qm", "change", "--allow-empty"], ["switch", "-q", "main"],
        ["merge", "-q", "--no-ff", "topic"], ["switch", "-q", "--detach"],
    ):  # fmt: skip
        subprocess.run(["git", *IDENTITY, *command], cwd=change, check=True)
    scripts("preview", "preview", tmp_path, STACK="demo")
    upload = steps("preview")[-1]["with"]
    assert upload["name"] == "comment-${{ matrix.stack }}"
    assert (tmp_path / upload["path"]).read_text() == "demo base\n"


def test_the_released_commit_is_one_and_the_newest_version_has_its_date():
    assert re.fullmatch(r"[0-9a-f]{40}\n", (ROOT / "RELEASED").read_text())
    headings = re.findall(r"^## .*", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", each) for each in headings[1:])


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").iterdir()), ids=lambda file: file.stem
)
def test_an_issue_form_is_one_that_github_takes(file):
    """https://docs.github.com/en/communities: syntax for issue forms, common validation errors."""
    form = yaml.safe_load(file.read_text())
    assert form["name"]
    assert form["description"]
    assert set(form) <= {"name", "description", "title", "labels", "body"}
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert {each["type"] for each in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    for key in ("id", "label"):
        values = [each.get(key) or each["attributes"][key] for each in fields]
        assert len(set(values)) == len(values) > 0


def test_the_job_that_runs_a_branchs_code_may_only_read_and_the_one_that_pushes_runs_none():
    """GitHub's token of a job is in reach of all its steps, whichever of them is given it."""
    text, jobs = WORKFLOWS["chart-lists"].read_text(), workflow("chart-lists")["jobs"]
    assert workflow("chart-lists")["permissions"] == {}
    assert jobs["generate"]["permissions"] == {"contents": "read"}
    assert "make " in text
    assert "github.token" not in json.dumps(jobs["generate"])
    assert "contents: write" in text
    assert not re.search(r"make |python|\./", json.dumps(jobs["push"]))


class ListsBranch:
    """A branch of Renovate's on a server, and what `chart-lists` pushes to it."""

    def __init__(self, folder):
        self.folder, self.server, self.clone = folder, folder / "server", folder / "clone"
        self.git("init", "--quiet", "--initial-branch=renovate/x", "--bare", self.server)
        self.git("clone", "--quiet", self.server, self.clone)
        for name in (
            "rehearsal/charts/vault.yaml",
            "tests/golden/x",
            "docs/x",
            "components/kubernetes/charts.lock",
        ):
            (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / name).write_text("old\n")
        (self.clone / ".github").mkdir()
        (self.clone / ".github" / "x").write_text("old\n")
        self.inside("add", ".")
        self.inside(*IDENTITY, "commit", "--quiet", "--message=before")
        self.inside("push", "--quiet", "origin", "HEAD:refs/heads/renovate/x")

    def git(self, *arguments):
        return subprocess.run(
            ["git", *map(str, arguments)], check=True, capture_output=True, text=True
        ).stdout

    def inside(self, *arguments):
        return self.git("-C", self.clone, *arguments)

    def changes(self, *names):
        """What the first job leaves: these files have another line."""
        for name in names:
            (self.clone / name).write_text("new\n")
        (self.folder / "lists.patch").write_text(self.inside("diff", "--binary"))
        self.inside("checkout", "--quiet", ".")

    def pushed(self):
        """What the second job prints; the files that its commit changes."""
        [step] = [step for step in workflow("chart-lists")["jobs"]["push"]["steps"] if "run" in step]
        commands = self.folder / "bin"
        commands.mkdir()
        gh = commands / "gh"
        gh.write_text('#!/bin/sh\ntest "$*" = "run download 7 --name lists --dir $RUNNER_TEMP"\n')
        gh.chmod(0o755)
        environment = {
            "PATH": f"{commands}:/usr/bin:/bin",
            "BRANCH": "renovate/x",
            "GH_TOKEN": TOKEN,
            "GITHUB_RUN_ID": "7",
            "RUNNER_TEMP": str(self.folder),
        }
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.clone, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        log = self.git("-C", self.server, "log", "--format=%an: %s", "--name-only", "-1", "renovate/x")
        return done.stdout, log.split("\n")


def test_the_lists_of_a_chart_are_pushed_to_its_branch(tmp_path):
    branch = ListsBranch(tmp_path)
    branch.changes("rehearsal/charts/vault.yaml", "components/kubernetes/charts.lock")
    _, (subject, _, *files) = branch.pushed()
    assert subject == "github-actions[bot]: Lists and digests of the new charts"
    assert files == ["components/kubernetes/charts.lock", "rehearsal/charts/vault.yaml", ""]


def test_other_files_that_the_branchs_code_has_changed_are_not_pushed(tmp_path):
    branch = ListsBranch(tmp_path)
    branch.changes(".github/x")
    printed, (subject, *_) = branch.pushed()
    assert printed.endswith("The branch has them already.\n")
    assert subject.endswith(": before")
