"""The lock in Consul, against a stub of Consul."""

import pytest

from tests.support.job_scripts import Script, answer_by

WORK = """\
import calls, consul_lock, os, time
consul_lock.TTL = 0.2
with consul_lock.lock(calls.Server(os.environ["CONSUL_URL"]), "vault-init/lock"):
    print("at work", flush=True)
    time.sleep(float(os.environ["WORK_SECONDS"]))
    print("done", flush=True)
"""


@pytest.fixture
def world():
    """`others`: attempts that find the lock taken. `renewed`: status code of renewals."""
    return {"others": 0, "renewed": 200, "destroyed": []}


@pytest.fixture
def job(world, tmp_path, httpserver):
    def answer(request):
        match request.path.removeprefix("/v1/").split("/"):
            case ["session", "create"]:
                assert request.get_json()["Behavior"] == "release"
                return 200, {"ID": "mine"}
            case ["session", "renew", "mine"]:
                return world["renewed"], None
            case ["session", "destroy", "mine"]:
                world["destroyed"].append("mine")
                return 200, True
            case ["kv", "vault-init", "lock"]:
                assert request.args["acquire"] == "mine"
                world["others"] -= 1
                return 200, world["others"] < 0
        return 404, None

    answer_by(httpserver, answer)
    yield Script("consul_lock.py", tmp_path, {}, CONSUL_URL=httpserver.url_for(""), WORK_SECONDS="0.5")
    httpserver.check()


def test_the_lock_is_released_after_the_work(job, world):
    done = job(code=WORK)
    assert (done.stdout, done.returncode) == ("at work\ndone\n", 0)
    assert world["destroyed"] == ["mine"]


def test_a_second_process_waits_for_the_first(job, world):
    world["others"] = 3
    done = job(code=WORK)
    assert done.stdout == "waiting: another process has the lock\nat work\ndone\n"


def test_without_the_lock_no_work_is_done(job, world):
    world["others"] = 10**6
    done = job(code=WORK, PATIENCE_SECONDS="10")
    assert done.returncode == 1
    assert "at work" not in done.stdout
    assert world["destroyed"] == ["mine"]


@pytest.mark.parametrize("answer", [404, 500])
def test_a_process_that_loses_the_lock_exits_at_once(job, world, answer):
    """A 404 means that the session has expired. Other errors count as a loss after three in a row."""
    world["renewed"] = answer
    done = job(code=WORK, WORK_SECONDS="60")
    assert done.returncode == 1
    assert "lock lost" in done.stdout
    assert "done" not in done.stdout
