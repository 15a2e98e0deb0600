"""The script that configures InfluxDB, against a stub of InfluxDB."""

from functools import partial

import pytest

from tests.support.job_scripts import Script, answer_by

TOKEN = "the-administrators-token"
PASSWORDS = {"telegraf": "telegrafs-password", "grafana": "grafanas-password"}
LEGACY = "/private/legacy/authorizations"


def influxdb(world, request):  # noqa: C901, PLR0911, PLR0912 (a case each)
    """The part of InfluxDB 2.7's API that the script uses. Other requests are refused."""
    query, body = request.args, request.get_json(silent=True)
    if request.headers["Authorization"] != f"Token {TOKEN}":
        return 401, {"code": "unauthorized"}
    world.setdefault("requests", []).append((request.method, request.path))
    match request.method, request.path.strip("/").split("/"):
        case "GET", ["api", "v2", "orgs"]:
            if query["org"] != "delivery":
                return 404, {"code": "not found"}
            return 200, {"orgs": [{"id": "0a", "name": "delivery"}]}
        case "GET", ["api", "v2", "buckets"]:
            assert query["orgID"] == "0a"
            found = [bucket for bucket in world["buckets"].values() if bucket["name"] == query["name"]]
            return 200, {"buckets": found}
        case "POST", ["api", "v2", "buckets"]:
            world["buckets"]["0b"] = {"id": "0b", **body}
            return 201, world["buckets"]["0b"]
        case "PATCH", ["api", "v2", "buckets", id_]:
            world["buckets"][id_] |= body
            return 200, world["buckets"][id_]
        case "GET", ["api", "v2", "dbrps"]:
            return 200, {"content": world["dbrps"]}
        case "POST", ["api", "v2", "dbrps"]:
            world["dbrps"].append(body)
            return 201, body
        case "GET", ["private", "legacy", "authorizations"]:
            return 200, {"authorizations": list(world["users"].values())}
        case "POST", ["private", "legacy", "authorizations"]:
            if any(user["token"] == body["token"] for user in world["users"].values()):
                return 422, {"code": "unprocessable entity"}
            id_ = f"1{len(world['requests'])}"
            world["users"][id_] = {"id": id_, **body}
            return 201, world["users"][id_]
        case "POST", ["private", "legacy", "authorizations", id_, "password"]:
            world["passwords"][world["users"][id_]["token"]] = body["password"]
            return 204, None
        case "DELETE", ["private", "legacy", "authorizations", id_]:
            del world["users"][id_]
            return 204, None
    return 405, {"code": "method not allowed"}


@pytest.fixture
def world():
    """InfluxDB after its own setup: a bucket without a retention, and its virtual mapping."""
    bucket = {"id": "0b", "name": "telegraf", "retentionRules": []}
    return {"buckets": {"0b": bucket}, "dbrps": [{"virtual": True}], "users": {}, "passwords": {}}


@pytest.fixture
def run(world, tmp_path, httpserver):
    answer_by(httpserver, partial(influxdb, world))
    yield Script(
        "influxdb.py",
        tmp_path,
        {"admin-token": TOKEN, **PASSWORDS},
        INFLUXDB_URL=httpserver.url_for(""),
        ORGANIZATION="delivery",
        BUCKET="telegraf",
        RETENTION_SECONDS="7776000",
    )
    httpserver.check()


def permissions(world):
    return {
        user["token"]: [
            (p["action"], p["resource"]["type"], p["resource"]["id"]) for p in user["permissions"]
        ]
        for user in world["users"].values()
    }


def test_telegraf_may_only_write_and_grafana_may_only_read(run, world):
    assert run().returncode == 0
    assert permissions(world) == {
        "telegraf": [("write", "buckets", "0b")],
        "grafana": [("read", "buckets", "0b")],
    }
    assert world["passwords"] == PASSWORDS


def test_the_retention_follows_the_setting(run, world):
    """The chart sets it only while the disk is empty."""
    run()
    assert world["buckets"]["0b"]["retentionRules"] == [{"type": "expire", "everySeconds": 7776000}]
    run(RETENTION_SECONDS="86400")
    assert world["buckets"]["0b"]["retentionRules"] == [{"type": "expire", "everySeconds": 86400}]


def test_a_second_run_creates_nothing(run, world):
    run()
    users = dict(world["users"])
    assert run().returncode == 0
    assert world["users"] == users


def test_a_new_bucket_is_created_and_mapped(run, world):
    run()
    world["dbrps"].clear()
    world["buckets"] = {}
    assert run(BUCKET="nodes").returncode == 0
    assert world["buckets"]["0b"]["name"] == "nodes"
    [mapping] = world["dbrps"]
    assert (mapping["database"], mapping["default"]) == ("nodes", True)


def test_manually_added_permissions_are_removed(run, world):
    run()
    [telegraf] = [user for user in world["users"].values() if user["token"] == "telegraf"]
    telegraf["permissions"].append({"action": "read", "resource": {"type": "orgs", "id": "0a"}})
    run()
    assert permissions(world)["telegraf"] == [("write", "buckets", "0b")]


def test_an_unknown_organization_is_refused_without_retries(run, world):
    done = run(ORGANIZATION="another")
    assert done.returncode == 42
    assert "no organization another" in done.stdout
    assert not world["users"]


def test_a_wrong_token_fails(run, tmp_path):
    (tmp_path / "admin-token").write_text("another")
    assert run().returncode == 1
