"""The script that sets InfluxDB up, against a server that answers as InfluxDB does."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from components.job import SCRIPTS

TOKEN = "the-administrators-token"
PASSWORDS = {"telegraf": "telegrafs-password", "grafana": "grafanas-password"}
LEGACY = "/private/legacy/authorizations"


class InfluxDb(BaseHTTPRequestHandler):
    """What of InfluxDB 2.7 the script speaks to; anything else is refused."""

    def log_message(self, *_):
        pass

    def answer(self, code, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def dispatch(self):  # noqa: C901, PLR0911, PLR0912 (a case each)
        world, place = self.server.world, urlsplit(self.path)
        query = {key: value for key, [value] in parse_qs(place.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        if self.headers["Authorization"] != f"Token {TOKEN}":
            return self.answer(401, {"code": "unauthorized"})
        world.setdefault("said", []).append((self.command, place.path))
        parts = place.path.strip("/").split("/")
        match self.command, parts:
            case "GET", ["api", "v2", "orgs"]:
                if query["org"] != "delivery":
                    return self.answer(404, {"code": "not found"})
                return self.answer(200, {"orgs": [{"id": "0a", "name": "delivery"}]})
            case "GET", ["api", "v2", "buckets"]:
                assert query["orgID"] == "0a"
                found = [bucket for bucket in world["buckets"].values() if bucket["name"] == query["name"]]
                return self.answer(200, {"buckets": found})
            case "POST", ["api", "v2", "buckets"]:
                world["buckets"]["0b"] = {"id": "0b", **body}
                return self.answer(201, world["buckets"]["0b"])
            case "PATCH", ["api", "v2", "buckets", id_]:
                world["buckets"][id_] |= body
                return self.answer(200, world["buckets"][id_])
            case "GET", ["api", "v2", "dbrps"]:
                return self.answer(200, {"content": world["dbrps"]})
            case "POST", ["api", "v2", "dbrps"]:
                world["dbrps"].append(body)
                return self.answer(201, body)
            case "GET", ["private", "legacy", "authorizations"]:
                return self.answer(200, {"authorizations": list(world["users"].values())})
            case "POST", ["private", "legacy", "authorizations"]:
                if any(user["token"] == body["token"] for user in world["users"].values()):
                    return self.answer(422, {"code": "unprocessable entity"})
                id_ = f"1{len(world['said'])}"
                world["users"][id_] = {"id": id_, **body}
                return self.answer(201, world["users"][id_])
            case "POST", ["private", "legacy", "authorizations", id_, "password"]:
                world["passwords"][world["users"][id_]["token"]] = body["password"]
                return self.answer(204)
            case "DELETE", ["private", "legacy", "authorizations", id_]:
                del world["users"][id_]
                return self.answer(204)
        return self.answer(405, {"code": "method not allowed"})

    do_GET = do_POST = do_PATCH = do_DELETE = dispatch  # noqa: N815 (http.server names them)


@pytest.fixture
def world():
    """InfluxDB after its own set-up: a bucket that keeps for ever, and its virtual mapping."""
    bucket = {"id": "0b", "name": "telegraf", "retentionRules": []}
    return {"buckets": {"0b": bucket}, "dbrps": [{"virtual": True}], "users": {}, "passwords": {}}


@pytest.fixture
def run(world, tmp_path):
    for name, text in {"admin-token": TOKEN, **PASSWORDS}.items():
        (tmp_path / name).write_text(text)
    server = HTTPServer(("127.0.0.1", 0), InfluxDb)
    server.world = world
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def once(**changes):
        environment = {
            "PATH": os.environ["PATH"],
            "INFLUXDB_URL": f"http://127.0.0.1:{server.server_port}",
            "ORGANIZATION": "delivery",
            "BUCKET": "telegraf",
            "RETENTION_SECONDS": "7776000",
            "SECRETS": str(tmp_path),
            "PATIENCE_SECONDS": "2",
            "PAUSE_SECONDS": "0.1",
        }
        done = subprocess.run(
            [sys.executable, "-B", str(SCRIPTS / "influxdb.py")],
            env=environment | changes, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        for word in (TOKEN, *PASSWORDS.values()):
            assert word not in done.stdout + done.stderr
        return done

    yield once
    server.shutdown()
    server.server_close()


def rights(world):
    return {
        user["token"]: [
            (p["action"], p["resource"]["type"], p["resource"]["id"]) for p in user["permissions"]
        ]
        for user in world["users"].values()
    }


def test_telegraf_may_write_and_grafana_read_and_neither_more(run, world):
    assert run().returncode == 0
    assert rights(world) == {
        "telegraf": [("write", "buckets", "0b")],
        "grafana": [("read", "buckets", "0b")],
    }
    assert world["passwords"] == PASSWORDS


def test_what_the_bucket_keeps_follows_the_stack(run, world):
    """The chart sets it on an empty disk alone."""
    run()
    assert world["buckets"]["0b"]["retentionRules"] == [{"type": "expire", "everySeconds": 7776000}]
    run(RETENTION_SECONDS="86400")
    assert world["buckets"]["0b"]["retentionRules"] == [{"type": "expire", "everySeconds": 86400}]


def test_run_twice_it_makes_nothing_twice(run, world):
    run()
    users = dict(world["users"])
    assert run().returncode == 0
    assert world["users"] == users


def test_a_new_bucket_is_made_and_users_go_over_to_it(run, world):
    run()
    world["dbrps"].clear()
    world["buckets"] = {}
    assert run(BUCKET="nodes").returncode == 0
    assert world["buckets"]["0b"]["name"] == "nodes"
    [mapping] = world["dbrps"]
    assert (mapping["database"], mapping["default"]) == ("nodes", True)


def test_rights_that_somebody_widened_are_taken_back(run, world):
    run()
    [telegraf] = [user for user in world["users"].values() if user["token"] == "telegraf"]
    telegraf["permissions"].append({"action": "read", "resource": {"type": "orgs", "id": "0a"}})
    run()
    assert rights(world)["telegraf"] == [("write", "buckets", "0b")]


def test_another_organisation_is_refused_without_trying_again(run, world):
    done = run(ORGANIZATION="another")
    assert done.returncode == 42
    assert "no organisation another" in done.stdout
    assert not world["users"]


def test_a_wrong_token_fails(run, tmp_path):
    (tmp_path / "admin-token").write_text("another")
    assert run().returncode == 1
