"""Concourse's teams: the Job's input and its login."""

import json

import pytest

from components.concourse.team_members import team_members, to_api_auth
from components.entra.claims import token_claims
from components.settings import validate
from tests.support.recorder import revealed, stack_config

JOB = "kubernetes:batch/v1:Job"


def job_input(recorder):
    script = recorder.named("kubernetes:core/v1:ConfigMap")["teams"].inputs["data"]["teams.json"]
    return json.loads(script)


def test_the_job_sets_each_team_of_the_stack(run_stack):
    found = job_input(run_stack("prod"))
    settings = validate(stack_config("prod"), "prod")
    assert sorted(found["set"]) == sorted(team.name for team in settings.teams if not team.removed)
    member = found["set"]["payments"]["member"]
    assert member["groups"] == ["oidc:c4d2e9a7-83f1-4b06-9e5d-2a7b6c1f0d38"]
    assert member["users"] == ["local:svc-payments"]


def test_a_group_of_the_stack_is_referenced_by_its_id(run_stack):
    operators = job_input(run_stack("prod"))["set"]["payments"]["pipeline-operator"]
    assert operators["groups"] == ["oidc:object-of-release-managers"]


def test_main_is_owned_by_its_group_and_the_administrator(run_stack):
    owner = job_input(run_stack("prod"))["set"]["main"]["owner"]
    assert owner["users"] == ["local:admin"]
    assert owner["groups"] == ["oidc:6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]


def test_the_job_has_the_administrators_password_only(run_stack):
    recorder = run_stack("prod")
    [volume] = [
        volume["secret"]["secretName"]
        for volume in recorder.named(JOB)["teams"].inputs["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    ]
    secrets = recorder.named("kubernetes:core/v1:Secret")
    assert list(revealed(secrets[volume].inputs["stringData"])) == ["password"]
    assert sorted(revealed(secrets["teams-users"].inputs["stringData"])) == ["svc-payments"]


def test_a_removed_team_stays_in_the_settings():
    config = stack_config("prod")
    teams = [
        team | ({"removed": True} if team["name"] == "payments" else {}) for team in config["platform:teams"]
    ]
    settings = validate(config | {"platform:teams": teams}, "prod")
    assert [team.name for team in settings.teams if team.removed] == ["payments"]


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("ApplicationGroup", ["an-id", "other"]),
        ("SecurityGroup", ["an-id", "other"]),
        ("AppRoles", ["t.member"]),
    ],
)
def test_claims_are_group_ids_or_app_roles(kind, claims):
    assert token_claims(kind, {"ours": "an-id"}, "t", "member", ["ours", "other"]) == claims


def test_api_names_have_the_connector_as_prefix():
    settings = validate(stack_config("prod"), "prod")
    team = next(team for team in settings.teams if team.name == "payments")
    roles = team_members(team, {"member": ["g"]}, "admin")
    assert to_api_auth(roles)["member"] == {"groups": ["oidc:g"], "users": ["local:svc-payments"]}
