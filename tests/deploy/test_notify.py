"""Messages to Slack and issues on GitHub, against stub servers that answer as the real ones do."""

import json

import pytest
from werkzeug import Response

from deploy import notify
from deploy.stack_file import RefusedError

TITLE = "Drift of prod"
ISSUES = "/repos/acme/platform/issues"


class Hub:
    """GitHub's issues, kept by number; it refuses unknown paths (pytest_httpserver answers 500)."""

    def __init__(self, server):
        self.server, self.issues, self.comments = server, [], []
        server.expect_request(ISSUES, method="GET").respond_with_handler(self.listed)
        server.expect_request(ISSUES, method="POST").respond_with_handler(self.opened)

    def written(self, number, title, body, labels):
        issue = {
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "labels": [{"name": label} for label in labels],
            "url": self.server.url_for(f"{ISSUES}/{number}"),
            "html_url": f"https://github.example.org/acme/platform/issues/{number}",
        }
        self.issues.append(issue)
        self.server.expect_request(f"{ISSUES}/{number}", method="PATCH").respond_with_handler(
            lambda request: self.reply(issue, issue.update(request.json))
        )
        self.server.expect_request(f"{ISSUES}/{number}/comments", method="POST").respond_with_handler(
            lambda request: self.reply({}, self.comments.append((number, request.json["body"])))
        )
        return issue

    @staticmethod
    def reply(content, _=None, status=200):
        return Response(json.dumps(content), status, content_type="application/json")

    def listed(self, request):
        assert request.authorization.token == "t0ken"
        label = request.args["labels"]
        named = [i for i in self.issues if label in {each["name"] for each in i["labels"]}]
        return self.reply([i for i in named if i["state"] == request.args["state"]])

    def opened(self, request):
        given = request.json
        made = self.written(len(self.issues) + 1, given["title"], given["body"], given["labels"])
        return self.reply(made, status=201)


@pytest.fixture
def hub(httpserver, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    return Hub(httpserver)


def report(hub, text, **how):
    return notify.issue("acme/platform", TITLE, text, api=hub.server.url_for("").rstrip("/"), **how)


def test_a_lasting_problem_is_one_issue_that_is_updated_and_closed(hub):
    hub.written(1, TITLE, "by a person", [])
    assert report(hub, "one tag differs") == "opened https://github.example.org/acme/platform/issues/2"
    assert report(hub, "two tags differ") == "updated https://github.example.org/acme/platform/issues/2"
    assert "two tags differ" in hub.issues[1]["body"]
    assert "one tag" not in hub.issues[1]["body"]
    assert report(hub, "", close=True) == "closed https://github.example.org/acme/platform/issues/2"
    assert [issue["state"] for issue in hub.issues] == ["open", "closed"]
    assert hub.comments == [(2, "The last run found nothing.")]
    assert report(hub, "", close=True) == "no issue is open"


def test_a_token_that_may_not_write_issues_is_reported_with_githubs_message(httpserver, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    refusal = {"message": "Resource not accessible by personal access token"}
    httpserver.expect_request(ISSUES).respond_with_json(refusal, 403)
    with pytest.raises(
        RefusedError, match=r"403: [\s\S]*Resource not accessible[\s\S]*may GITHUB_TOKEN write issues"
    ):
        notify.issue("acme/platform", TITLE, "x", api=httpserver.url_for("").rstrip("/"))


def test_slack_gets_the_title_and_the_last_lines(httpserver, monkeypatch, capsys):
    monkeypatch.setenv("SLACK_WEBHOOK", httpserver.url_for("/services/x"))
    httpserver.expect_request("/services/x", method="POST").respond_with_data("ok")
    notify.slack("up of prod: done", "\n".join(f"line {number}" for number in range(100)) + "\n```")
    [(request, _)] = httpserver.log
    text = request.json["text"]
    assert text.startswith("up of prod: done\n```")
    assert "line 99" in text
    assert "line 7\n" not in text
    assert len(text) < 3000
    assert text.count("```") == 2
    assert not capsys.readouterr().err


@pytest.mark.parametrize("gone", [True, False])
def test_a_message_that_slack_refuses_is_reported_and_is_no_error(httpserver, monkeypatch, capsys, gone):
    address = "http://127.0.0.1:9/x" if gone else httpserver.url_for("/services/x")
    monkeypatch.setenv("SLACK_WEBHOOK", address)
    httpserver.expect_request("/services/x").respond_with_data("no_service", 404)
    notify.slack("up of prod: done", "")
    printed = capsys.readouterr().err
    assert "Slack did not accept the message" in printed
    assert gone or "no_service" in printed


@pytest.mark.parametrize(("variable", "call"), [
    ("SLACK_WEBHOOK", lambda: notify.slack("x", "")),
    ("GITHUB_TOKEN", lambda: notify.issue("acme/platform", TITLE, "")),
])  # fmt: skip
def test_a_missing_credential_is_named(monkeypatch, variable, call):
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(RefusedError, match=f"{variable} is not set"):
        call()
