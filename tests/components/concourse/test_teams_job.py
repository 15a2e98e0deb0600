"""The script that configures Concourse's teams, against a stub with responses of Concourse 8.2.5."""

import json
from functools import partial

import pytest

from components.concourse.teams import wanted
from tests.support.job_scripts import Script, answer_by

PASSWORD = "the-administrators-password"
TOKEN = "opaque-token-of-the-administrator"
MAIN = {"owner": {"oidc": {"groups": ["deployers"]}, "local": {"users": ["admin"]}}}
PAYMENTS = {"member": {"oidc": {"groups": ["engineers"]}, "local": {"users": ["svc-payments"]}}}


def concourse(world, request):  # noqa: PLR0911 (a case each)
    """The part of Concourse's API that the script uses. Like Concourse, it does not validate roles."""
    asked, given = (request.method, request.path), request.headers.get("Authorization")
    if world["failing"]:
        world["failing"] -= 1
        return 503, None
    if asked == ("POST", "/sky/issuer/token"):
        assert given == "Basic Zmx5OlpteDU="
        assert request.form["scope"] == "openid profile email federated:id groups"
        if (request.form["username"], request.form["password"]) != ("admin", PASSWORD):
            return 401, {"error": "access_denied"}
        return 200, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399, "id_token": "x"}
    known = given == f"Bearer {TOKEN}"
    if asked == ("GET", "/api/v1/teams"):
        # Without a login, the list is empty.
        teams = world["teams"].items() if known else ()
        return 200, [{"id": i, "name": n, "auth": a} for i, (n, a) in enumerate(teams, 1)]
    if not known:
        return 403, None
    name = request.path.removeprefix("/api/v1/teams/")
    world["requests"].append((request.method, name))
    if request.method == "DELETE":
        if name == "main":
            return 403, None
        return (204 if world["teams"].pop(name, None) else 404), None
    auth = json.loads(request.get_data())["auth"]
    roles_have_members = all(role.get("users") or role.get("groups") for role in auth.values())
    if request.headers.get("Content-Type") != "application/json" or not roles_have_members:
        return 400, None
    code = 200 if name in world["teams"] else 201
    world["teams"][name] = auth
    return code, {"team": {"id": 9, "name": name, "auth": auth}, "warnings": world["warnings"]}


@pytest.fixture
def world():
    """A new Concourse, with the main team that its web nodes create at startup."""
    owner = {"groups": ["oidc:deployers"], "users": ["local:admin"]}
    return {"teams": {"main": {"owner": owner}}, "requests": [], "warnings": None, "failing": 0}


@pytest.fixture
def run(world, tmp_path, httpserver):
    answer_by(httpserver, partial(concourse, world))
    job = Script(
        "teams.py",
        tmp_path,
        {"password": PASSWORD},
        CONCOURSE_URL=httpserver.url_for(""),
        ADMINISTRATOR="admin",
    )

    def once(teams, removed=(), text=None):
        (tmp_path / "teams.json").write_text(text or wanted({"main": MAIN} | teams, removed))
        world["requests"].clear()
        done = job()
        assert TOKEN not in done.stdout + done.stderr
        return done

    yield once
    httpserver.check()


def test_a_new_team_is_created_and_main_is_not_changed(run, world):
    done = run({"payments": PAYMENTS})
    assert done.returncode == 0
    assert world["requests"] == [("PUT", "payments")]
    member = {"groups": ["oidc:engineers"], "users": ["local:svc-payments"]}
    assert world["teams"]["payments"] == {"member": member}


def test_a_second_run_changes_nothing(run, world):
    run({"payments": PAYMENTS})
    assert run({"payments": PAYMENTS}).returncode == 0
    assert world["requests"] == []


def test_a_changed_group_replaces_the_previous_one(run, world):
    run({"payments": PAYMENTS})
    other = {"member": {"oidc": {"groups": ["others"]}, "local": {"users": ["svc-payments"]}}}
    assert "payments: updated" in run({"payments": other}).stdout
    assert world["teams"]["payments"]["member"]["groups"] == ["oidc:others"]


def test_manual_changes_of_members_are_reverted(run, world):
    run({"payments": PAYMENTS})
    world["teams"]["payments"]["owner"] = {"users": ["local:friend"]}
    run({"payments": PAYMENTS})
    assert "owner" not in world["teams"]["payments"]


def test_the_order_of_members_does_not_matter(run, world):
    both = {"member": {"oidc": {"groups": ["a", "b"]}}}
    run({"payments": both})
    world["teams"]["payments"]["member"]["groups"].reverse()
    run({"payments": both})
    assert world["requests"] == []


def test_a_removed_team_is_deleted_once(run, world):
    run({"payments": PAYMENTS})
    assert "payments: deleted" in run({}, removed=["payments"]).stdout
    assert "payments" not in world["teams"]
    assert run({}, removed=["payments"]).returncode == 0
    assert world["requests"] == []


def test_an_unlisted_team_is_refused_with_the_line_to_add(run, world):
    run({"payments": PAYMENTS})
    done = run({"billing": PAYMENTS})
    assert done.returncode == 42
    assert "- {name: payments, removed: true}" in done.stdout
    assert "docs/runbooks/teams.md" in done.stdout
    assert (world["requests"], sorted(world["teams"])) == ([], ["main", "payments"])


@pytest.mark.parametrize(
    ("teams", "message"),
    [
        ({"main": {"member": {"users": ["oidc:ada@example.org"]}}}, "main would have no owner"),
        (
            {"payments": {"wizard": {"users": ["local:x"]}}},
            "unknown role wizard; the roles are owner, member",
        ),
        (
            {"payments": {"member": {"groups": ["oicd:engineers"]}}},
            "oicd:engineers has no connector",
        ),
        ({"payments": {"member": {"users": ["svc-payments"]}}}, "svc-payments has no connector"),
        ({"payments": {"member": {"groups": []}}}, "no members with the role member"),
        ({"payments": {"member": {"group": ["oidc:x"]}}}, "unknown key group; the keys are groups and users"),
        ({"payments": {}}, "payments has no members"),
    ],
)
def test_errors_that_concourse_would_accept_are_refused_before_any_change(run, world, teams, message):
    main = {"main": {"owner": {"users": ["local:admin"]}}}
    done = run({}, text=json.dumps({"set": main | teams, "removed": []}))
    assert done.returncode == 42
    assert message in done.stdout
    assert world["requests"] == []


@pytest.mark.parametrize("name", ["main", "payments"])
def test_the_removal_of_a_listed_team_or_of_main_is_refused(run, name):
    done = run({"payments": PAYMENTS}, removed=[name])
    assert done.returncode == 42
    assert f"{name} cannot be removed" in done.stdout


def test_a_rejected_password_is_an_error_with_retries(run, world, tmp_path):
    """During a rollout, some web nodes still have the old one."""
    (tmp_path / "password").write_text("another")
    done = run({"payments": PAYMENTS})
    assert done.returncode == 1
    assert "rejects the password of admin" in done.stdout
    assert world["requests"] == []


def test_it_waits_until_concourse_has_started(run, world):
    world["failing"] = 3
    assert run({"payments": PAYMENTS}).returncode == 0
    assert "payments" in world["teams"]


def test_concourses_warnings_are_logged(run, world):
    world["warnings"] = [{"type": "invalid_identifier", "message": "team: 'Payments' is not valid"}]
    assert "Concourse warns: team: 'Payments' is not valid" in run({"payments": PAYMENTS}).stdout
