"""`deploy teams`: the stack file against what Concourse has."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from components.settings import validate
from deploy.stack_file import RefusedError
from deploy.teams import differences, real, rehearsed, wanted
from tests.support.recorder import stack_config

TOKEN = "a-persons-token"


@pytest.fixture
def git():
    return wanted(validate(stack_config("prod"), "prod"), {"release-managers": "their-id"})


def test_the_teams_of_the_stack_file_are_the_input_of_the_teams_job(git, run_stack):
    data = run_stack("prod").named("kubernetes:core/v1:ConfigMap")["teams"].inputs["data"]
    given = json.loads(data["teams.json"].replace("object-of-release-managers", "their-id"))["set"]
    assert git == given


def test_teams_do_not_differ_right_after_an_update(git):
    assert list(differences(git, json.loads(json.dumps(git)))) == []


def test_each_difference_has_a_line(git):
    there = json.loads(json.dumps(git))
    there["payments"]["owner"] = {"users": ["local:friend"]}
    there["payments"]["member"]["groups"] = None  # as Concourse answers where there are none
    there["left"] = {"owner": {"users": ["local:x"]}}
    del there["main"]
    assert list(differences(git, there)) == [
        "+ main: the next update creates it",
        "- left: not in git",
        "+ payments: member group oidc:c4d2e9a7-83f1-4b06-9e5d-2a7b6c1f0d38",
        "- payments: owner user local:friend",
    ]


def test_the_teams_of_a_rehearsal_are_the_input_of_its_job(git):
    given = {"data": {"teams.json": json.dumps({"set": git, "removed": []})}}
    resource = {"type": "kubernetes:core/v1:ConfigMap", "urn": "urn:x::teams", "inputs": given}
    assert rehearsed([{"type": "other", "urn": "urn:x::teams"}, resource]) == git
    with pytest.raises(RefusedError, match="this rehearsal has no teams"):
        rehearsed([])


class Concourse(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        # Without a valid token, Concourse answers with no teams.
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        teams = [{"id": 1, "name": "main", "auth": {"owner": {"users": ["local:admin"]}}}] if known else []
        body = json.dumps(teams).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Concourse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def flyrc(folder, url, token):
    target = {"api": f"{url}/", "team": "main", "token": {"type": "bearer", "value": token}}
    file = folder / "flyrc"
    file.write_text(yaml.safe_dump({"targets": {"x": {"api": "https://other"}, "mine": target}}))
    return file


def test_the_request_has_the_token_of_flys_login(url, tmp_path):
    assert real(url, flyrc(tmp_path, url, TOKEN)) == {"main": {"owner": {"users": ["local:admin"]}}}


def test_an_expired_login_is_refused_although_concourse_answers_with_no_teams(url, tmp_path):
    with pytest.raises(RefusedError, match="fly -t main login"):
        real(url, flyrc(tmp_path, url, "expired"))


def test_a_missing_login_is_refused_with_the_command_to_log_in(url, tmp_path):
    with pytest.raises(RefusedError, match=r"fly is not logged in to .* fly -t main login"):
        real(url, tmp_path / "nowhere")
