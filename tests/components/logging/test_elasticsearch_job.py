"""The script that sets Elasticsearch up, against a server that answers as Elasticsearch does."""

import base64
import json
from functools import partial

import pytest

from tests.support.job_scripts import Script, answer_by

LOGIN = "Basic " + base64.b64encode(b"logs-setup:the-password").decode()


def elasticsearch(world, request):
    """What of Elasticsearch 9 the script speaks to; anything else is refused."""
    if request.method != "PUT":
        return 501, {"error": request.method}
    body = request.get_json(silent=True)
    if world["refusals"] > 0:  # its users' file is read every few seconds
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
            assert world["templates"][name]["data_stream"] == {}, "no template makes it a data stream"
            world["streams"][name] = {}
        case ["_data_stream", name, "_lifecycle"]:
            world["streams"][name]["kept"] = body["data_retention"]
        case [name, "_settings"]:
            world["streams"][name]["copies"] = body["index.number_of_replicas"]
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

    def once(streams, copies=1, **environment):
        return script(STREAMS=json.dumps(streams), COPIES=str(copies), **environment)

    yield once
    httpserver.check()


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
    done = job({"containers": "30d"}, PATIENCE_SECONDS="10")
    assert done.returncode != 0
    assert "the-password" not in done.stdout + done.stderr
    assert LOGIN.split()[1] not in done.stdout + done.stderr
