"""The script that sets Concourse's teams, against answers as a real Concourse 8.2.5 gave them."""

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from components.job import SCRIPTS
from components.teams import wanted

PASSWORD = "the-administrators-password"
TOKEN = "opaque-token-of-the-administrator"
MAIN = {"owner": {"oidc": {"groups": ["deployers"]}, "local": {"users": ["admin"]}}}
PAYMENTS = {"member": {"oidc": {"groups": ["engineers"]}, "local": {"users": ["svc-payments"]}}}


class Concourse(BaseHTTPRequestHandler):
    """What of Concourse the script speaks to, with the answers that were recorded; it validates no role."""

    def log_message(self, *_):
        pass

    def answer(self, code, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def dispatch(self):  # noqa: PLR0911 (a case each)
        world, kind = self.server.world, self.headers.get("Content-Type")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if world["failing"]:
            world["failing"] -= 1
            return self.answer(503)
        if (self.command, self.path) == ("POST", "/sky/issuer/token"):
            form = {key: value for key, [value] in parse_qs(body.decode()).items()}
            assert self.headers["Authorization"] == "Basic Zmx5OlpteDU="
            assert form["scope"] == "openid profile email federated:id groups"
            if (form["username"], form["password"]) != ("admin", PASSWORD):
                return self.answer(401, {"error": "access_denied"})
            answer = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399, "id_token": "x"}
            return self.answer(200, answer)
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if (self.command, self.path) == ("GET", "/api/v1/teams"):
            # To a stranger it says that there are none.
            teams = world["teams"].items() if known else ()
            return self.answer(200, [{"id": i, "name": n, "auth": a} for i, (n, a) in enumerate(teams, 1)])
        if not known:
            return self.answer(403)
        name = self.path.removeprefix("/api/v1/teams/")
        world["said"].append((self.command, name))
        if self.command == "DELETE":
            if name == "main":
                return self.answer(403)
            return self.answer(204 if world["teams"].pop(name, None) else 404)
        auth = json.loads(body)["auth"]
        if kind != "application/json" or not all(
            role.get("users") or role.get("groups") for role in auth.values()
        ):
            return self.answer(400)
        code = 200 if name in world["teams"] else 201
        world["teams"][name] = auth
        return self.answer(
            code, {"team": {"id": 9, "name": name, "auth": auth}, "warnings": world["warnings"]}
        )

    do_GET = do_POST = do_PUT = do_DELETE = dispatch  # noqa: N815 (http.server names them)


@pytest.fixture
def world():
    """A Concourse that has just started: its main team is as its web nodes were told."""
    owner = {"groups": ["oidc:deployers"], "users": ["local:admin"]}
    return {"teams": {"main": {"owner": owner}}, "said": [], "warnings": None, "failing": 0}


@pytest.fixture
def run(world, tmp_path):
    for script in ("teams.py", "calls.py"):
        shutil.copy(SCRIPTS / script, tmp_path)
    (tmp_path / "password").write_text(PASSWORD)
    server = HTTPServer(("127.0.0.1", 0), Concourse)
    server.world = world
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def once(teams, removed=(), text=None):
        (tmp_path / "teams.json").write_text(text or wanted({"main": MAIN} | teams, removed))
        world["said"].clear()
        environment = {
            "PATH": os.environ["PATH"],
            "CONCOURSE_URL": f"http://127.0.0.1:{server.server_port}",
            "ADMINISTRATOR": "admin",
            "SECRETS": str(tmp_path),
            "PATIENCE_SECONDS": "2",
            "PAUSE_SECONDS": "0.1",
        }
        done = subprocess.run(
            [sys.executable, "-B", str(tmp_path / "teams.py")],
            env=environment, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        for word in (PASSWORD, TOKEN):
            assert word not in done.stdout + done.stderr
        return done

    yield once
    server.shutdown()
    server.server_close()


def test_a_new_team_is_made_and_what_is_right_is_left_alone(run, world):
    done = run({"payments": PAYMENTS})
    assert done.returncode == 0
    assert world["said"] == [("PUT", "payments")]
    member = {"groups": ["oidc:engineers"], "users": ["local:svc-payments"]}
    assert world["teams"]["payments"] == {"member": member}


def test_a_second_run_changes_nothing(run, world):
    run({"payments": PAYMENTS})
    assert run({"payments": PAYMENTS}).returncode == 0
    assert world["said"] == []


def test_another_group_replaces_the_one_before(run, world):
    run({"payments": PAYMENTS})
    other = {"member": {"oidc": {"groups": ["others"]}, "local": {"users": ["svc-payments"]}}}
    assert "payments: changed" in run({"payments": other}).stdout
    assert world["teams"]["payments"]["member"]["groups"] == ["oidc:others"]


def test_what_an_owner_changed_by_hand_is_changed_back(run, world):
    run({"payments": PAYMENTS})
    world["teams"]["payments"]["owner"] = {"users": ["local:friend"]}
    run({"payments": PAYMENTS})
    assert "owner" not in world["teams"]["payments"]


def test_members_in_another_order_are_the_same(run, world):
    both = {"member": {"oidc": {"groups": ["a", "b"]}}}
    run({"payments": both})
    world["teams"]["payments"]["member"]["groups"].reverse()
    run({"payments": both})
    assert world["said"] == []


def test_a_tombstone_deletes_a_team_once(run, world):
    run({"payments": PAYMENTS})
    assert "payments: deleted" in run({}, removed=["payments"]).stdout
    assert "payments" not in world["teams"]
    assert run({}, removed=["payments"]).returncode == 0
    assert world["said"] == []


def test_a_team_whose_lines_are_gone_is_refused_with_what_to_write(run, world):
    run({"payments": PAYMENTS})
    done = run({"billing": PAYMENTS})
    assert done.returncode == 42
    assert "- {name: payments, removed: true}" in done.stdout
    assert "docs/runbooks/teams.md" in done.stdout
    assert (world["said"], sorted(world["teams"])) == ([], ["main", "payments"])


@pytest.mark.parametrize(
    ("teams", "said"),
    [
        ({"main": {"member": {"users": ["oidc:ada@example.org"]}}}, "main would be without an owner"),
        ({"payments": {"wizard": {"users": ["local:x"]}}}, "role wizard; there are owner, member"),
        (
            {"payments": {"member": {"groups": ["oicd:engineers"]}}},
            "oicd:engineers, which begins with none of",
        ),
        ({"payments": {"member": {"users": ["svc-payments"]}}}, "svc-payments, which begins with none of"),
        ({"payments": {"member": {"groups": []}}}, "a role member that nobody has"),
        ({"payments": {"member": {"group": ["oidc:x"]}}}, "has group; there are groups and users"),
        ({"payments": {}}, "payments has no members"),
    ],
)
def test_what_concourse_would_take_without_a_word_is_refused_before_anything_is_changed(
    run, world, teams, said
):
    main = {"main": {"owner": {"users": ["local:admin"]}}}
    done = run({}, text=json.dumps({"set": main | teams, "removed": []}))
    assert done.returncode == 42
    assert said in done.stdout
    assert world["said"] == []


@pytest.mark.parametrize("name", ["main", "payments"])
def test_a_tombstone_for_what_is_needed_is_refused(run, name):
    done = run({"payments": PAYMENTS}, removed=[name])
    assert done.returncode == 42
    assert f"{name} is to be removed, and is needed" in done.stdout


def test_a_password_that_is_not_taken_is_told_and_the_job_tries_again(run, world, tmp_path):
    """While web nodes roll, some know the old one."""
    (tmp_path / "password").write_text("another")
    done = run({"payments": PAYMENTS})
    assert done.returncode == 1
    assert "does not take admin's password" in done.stdout
    assert world["said"] == []


def test_it_waits_for_a_concourse_that_starts(run, world):
    world["failing"] = 3
    assert run({"payments": PAYMENTS}).returncode == 0
    assert "payments" in world["teams"]


def test_warnings_of_concourse_are_told(run, world):
    world["warnings"] = [{"type": "invalid_identifier", "message": "team: 'Payments' is not valid"}]
    assert "Concourse warns: team: 'Payments' is not valid" in run({"payments": PAYMENTS}).stdout
