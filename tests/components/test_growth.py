"""Limits that a growing stack meets: the list of teams, and the pools of a cluster."""

import random

import pytest

from components.azure.aks.settings import MOST_POOLS
from components.concourse.team_members import team_members
from components.concourse.team_settings import TeamSettings
from components.concourse.teams import JOBS, wanted
from components.kubernetes.job import CALLS
from components.rules import MAP_BYTES, SCRIPT_BYTES, teams_fit_a_config_map
from components.settings import SettingsError, validate
from tests.support.recorder import stack_config

GROUP = "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
ROLES = ("owner", "member", "pipeline-operator", "viewer")


def teams(number, groups=1, users=0, roles=1, seed=0):
    random_ = random.Random(seed)
    who = {
        "oidc": {
            "groups": [GROUP[:-6] + f"{random_.randrange(16**6):06x}" for _ in range(groups)],
            "users": [f"person-{each}@example.org" for each in range(users)],
        }
    }
    return [
        TeamSettings(name=f"team-{each}", roles=dict.fromkeys(ROLES[:roles], who)) for each in range(number)
    ]


def in_the_map(found):
    """Bytes of the list that the Job gets."""
    members = {
        team.name: team_members(team, {role: who.oidc.groups for role, who in team.roles.given()}, "admin")
        for team in found
    }
    return len(wanted(members, []))


def said(found):
    return "\n".join(problem.text for problem in teams_fit_a_config_map(found))


def test_the_scripts_of_the_job_fit_the_room_that_is_kept_for_them():
    assert sum(file.stat().st_size for file in (JOBS / "teams.py", CALLS)) < SCRIPT_BYTES


@pytest.mark.parametrize("number", [10, 200, 2000])
def test_teams_with_one_group_fit(number):
    assert said(teams(number)) == ""


@pytest.mark.parametrize(("groups", "users", "roles"), [(1, 0, 1), (3, 2, 2), (1, 20, 4), (200, 0, 1)])
def test_the_last_number_of_teams_that_is_allowed_fits_and_little_more_would(groups, users, roles):
    many = teams(MAP_BYTES // (40 * roles * (groups + users)), groups, users, roles)
    least, most = 1, len(many)
    assert said(many)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if said(many[:middle]) else (middle, most)
    room = MAP_BYTES - SCRIPT_BYTES
    assert 0.95 * room < in_the_map(many[:least]) <= room
    assert f"{most:,} teams" in said(many[:most])
    assert f"room for {room:,}" in said(many[:most])


def test_a_stack_file_with_too_many_members_is_refused():
    config = stack_config("prod")
    users = [f"person-{each}@example.org" for each in range(1100)]
    config["platform:teams"] = [
        *config["platform:teams"],
        *({"name": f"team-{each}", "roles": {"owner": {"oidc": {"users": users}}}} for each in range(30)),
    ]
    with pytest.raises(SettingsError, match="bytes of one ConfigMap, which has room for 1,015,808"):
        validate(config, "prod")


def refused(pools):
    config = stack_config("prod")
    drains = {"drainTimeoutMinutes": 120}
    config["platform:cluster"] = config["platform:cluster"] | {
        "workerPools": [
            {"name": f"workers{each}", "minNodes": 0, "maxNodes": 1, **drains} for each in range(pools)
        ],
        "podRange": "172.16.0.0/15",
    }
    try:
        validate(config, "prod")
    except SettingsError as problems:
        return str(problems)
    return ""


def test_a_cluster_has_at_most_a_hundred_pools():
    others = 1 + len(stack_config("prod")["platform:cluster"].get("platformPools", ()))
    assert "pools with the others" not in refused(MOST_POOLS - others)
    text = f"{MOST_POOLS + 1} pools with the others, and a cluster has at most {MOST_POOLS}"
    assert text in refused(MOST_POOLS - others + 1)


@pytest.mark.parametrize("pools", [4, 40])
def test_four_and_forty_pools_are_accepted(pools):
    assert refused(pools) == ""
