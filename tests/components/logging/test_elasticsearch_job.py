"""The script that creates the data streams, against a stub of Elasticsearch."""

import base64
import json
from functools import partial

import pytest

from tests.support.job_scripts import Script, answer_by

LOGIN = "Basic " + base64.b64encode(b"logs-setup:the-password").decode()


def elasticsearch(world, request):
    """The part of Elasticsearch 9's API that the script uses. Other requests are refused."""
    if request.method != "PUT":
        return 501, {"error": request.method}
    body = request.get_json(silent=True)
    if world["refusals"] > 0:  # it reloads its users file every few seconds
        world["refusals"] -= 1
        return 401, {"error": {"type": "security_exception"}}
    if request.headers["Authorization"] != LOGIN:
        return 401, {"error": {"type": "security_exception"}}
    match request.path.strip("/").split("/"):
        case ["_index_template", name]:
            world["templates"][name] = body
        case ["_data_stream", name] if name in world["streams"]:
            error = {"type": "resource_already_exists_exception", "reason": f"{name} already exists"}
            return 400, {"error": error}
        case ["_data_stream", name]:
            assert world["templates"][name]["data_stream"] == {}, "the template has to exist first"
            world["streams"][name] = {}
        case ["_data_stream", name, "_lifecycle"]:
            world["streams"][name]["retention"] = body["data_retention"]
        case [name, "_settings"]:
            world["streams"][name]["replicas"] = body["index.number_of_replicas"]
        case _:
            return 404, {"error": request.path}
    return 200, {"acknowledged": True}


@pytest.fixture
def world():
    return {"templates": {}, "streams": {}, "refusals": 0}


@pytest.fixture
def job(world, tmp_path, httpserver):
    answer_by(httpserver, partial(elasticsearch, world))
    script = Script(
        "elasticsearch.py",
        tmp_path,
        {"username": "logs-setup", "password": "the-password"},
        ELASTICSEARCH_URL=httpserver.url_for(""),
    )

    def once(retention, replicas=1, **environment):
        return script(RETENTION=json.dumps(retention), REPLICAS=str(replicas), **environment)

    yield once
    httpserver.check()


def test_each_data_stream_gets_its_retention(job, world):
    done = job({"containers": "30d", "audit": "365d"})
    assert done.returncode == 0, done.stderr
    assert world["streams"] == {
        "containers": {"retention": "30d", "replicas": 1},
        "audit": {"retention": "365d", "replicas": 1},
    }


def test_a_second_run_updates_an_existing_data_stream(job, world):
    job({"containers": "30d"})
    done = job({"containers": "7d"}, replicas=0)
    assert done.returncode == 0, done.stderr
    assert world["streams"]["containers"] == {"retention": "7d", "replicas": 0}
    assert world["templates"]["containers"]["template"]["lifecycle"] == {"data_retention": "7d"}


def test_fields_of_different_programs_cannot_conflict(job, world):
    job({"containers": "30d"})
    fields = world["templates"]["containers"]["template"]["mappings"]["properties"]
    assert fields["fields"]["type"] == fields["kubernetes"]["properties"]["labels"]["type"] == "flattened"


def test_it_waits_until_elasticsearch_knows_the_user(job, world):
    world["refusals"] = 3
    assert job({"containers": "30d"}).returncode == 0


def test_the_password_is_not_in_the_log(job, world):
    world["refusals"] = 10**6
    done = job({"containers": "30d"}, PATIENCE_SECONDS="10")
    assert done.returncode != 0
    assert "the-password" not in done.stdout + done.stderr
    assert LOGIN.split()[1] not in done.stdout + done.stderr
