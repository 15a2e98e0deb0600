"""The script that sets Elasticsearch up, against a server that answers as Elasticsearch does."""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.job import SCRIPTS

LOGIN = "Basic " + base64.b64encode(b"logs-setup:the-password").decode()


class Elasticsearch(BaseHTTPRequestHandler):
    """What of Elasticsearch 9 the script speaks to; anything else is refused."""

    def log_message(self, *_):
        pass

    def answer(self, code, body):
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PUT(self):
        world = self.server.world
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        if world["refusals"] > 0:  # its users' file is read every few seconds
            world["refusals"] -= 1
            return self.answer(401, {"error": {"type": "security_exception"}})
        if self.headers["Authorization"] != LOGIN:
            return self.answer(401, {"error": {"type": "security_exception"}})
        match self.path.strip("/").split("/"):
            case ["_index_template", name]:
                world["templates"][name] = body
            case ["_data_stream", name] if name in world["streams"]:
                error = {"type": "resource_already_exists_exception", "reason": f"{name} already exists"}
                return self.answer(400, {"error": error})
            case ["_data_stream", name]:
                assert world["templates"][name]["data_stream"] == {}, "no template makes it a data stream"
                world["streams"][name] = {}
            case ["_data_stream", name, "_lifecycle"]:
                world["streams"][name]["kept"] = body["data_retention"]
            case [name, "_settings"]:
                world["streams"][name]["copies"] = body["index.number_of_replicas"]
            case _:
                return self.answer(404, {"error": self.path})
        return self.answer(200, {"acknowledged": True})


@pytest.fixture
def world():
    return {"templates": {}, "streams": {}, "refusals": 0}


@pytest.fixture
def job(world, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Elasticsearch)
    server.world = world
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "username").write_text("logs-setup")
    (tmp_path / "password").write_text("the-password")

    def once(streams, copies=1, **environment):
        given = {
            "ELASTICSEARCH_URL": f"http://127.0.0.1:{server.server_port}",
            "COPIES": str(copies),
            "STREAMS": json.dumps(streams),
            "SECRETS": str(tmp_path),
            "PAUSE_SECONDS": "0.01",
            "PATIENCE_SECONDS": "5",
        }
        return subprocess.run(
            [sys.executable, SCRIPTS / "elasticsearch.py"],
            env=os.environ | given | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    yield once
    server.shutdown()
    server.server_close()


def test_each_stream_is_kept_as_long_as_the_stack_says(job, world):
    done = job({"containers": "30d", "audit": "365d"})
    assert done.returncode == 0, done.stderr
    assert world["streams"] == {
        "containers": {"kept": "30d", "copies": 1},
        "audit": {"kept": "365d", "copies": 1},
    }


def test_twice_does_no_harm_and_a_change_reaches_what_is_there(job, world):
    job({"containers": "30d"})
    done = job({"containers": "7d"}, copies=0)
    assert done.returncode == 0, done.stderr
    assert world["streams"]["containers"] == {"kept": "7d", "copies": 0}
    assert world["templates"]["containers"]["template"]["lifecycle"] == {"data_retention": "7d"}


def test_programs_words_do_not_clash(job, world):
    job({"containers": "30d"})
    fields = world["templates"]["containers"]["template"]["mappings"]["properties"]
    assert fields["fields"]["type"] == fields["kubernetes"]["properties"]["labels"]["type"] == "flattened"


def test_it_waits_until_elasticsearch_knows_the_user(job, world):
    world["refusals"] = 3
    assert job({"containers": "30d"}).returncode == 0


def test_the_password_is_not_in_the_log(job, world):
    world["refusals"] = 10**6
    done = job({"containers": "30d"}, PATIENCE_SECONDS="0.1")
    assert done.returncode != 0
    assert "the-password" not in done.stdout + done.stderr
    assert LOGIN.split()[1] not in done.stdout + done.stderr
