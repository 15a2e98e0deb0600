"""Entra: app registrations, groups and role assignments."""

import pulumi
import pytest

from components.concourse.team_settings import TeamSettings, team_groups
from components.entra.directory import Entra
from components.entra.settings import EntraSettings
from tests.support.recorder import SECRET, STACKS, revealed

TEAM_GROUP, OWNERS = "c4d2e9a7-83f1-4b06-9e5d-2a7b6c1f0d38", "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
TENANT = "0b8e4d52-6c1f-4f7a-b3d9-7e2a9c50f164"
APPLICATION = "azuread:index/application:Application"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"


def team(name, **changes):
    roles = {"owner": {"oidc": {"groups": [OWNERS]}}, "member": {"oidc": {"groups": [TEAM_GROUP, "made"]}}}
    return TeamSettings(name=name, roles=roles, **changes)


@pytest.fixture
def entra(run):
    def built(*, teams=(), protected=True, **settings):
        def program():
            made = Entra(
                "entra",
                EntraSettings(groups=("made",), grafana={"admin": (OWNERS,)}, **settings),
                team_groups=team_groups(teams or (team("main"), team("payments"))),
                hosts={"concourse": "ci.example.org", "grafana": "grafana.ci.example.org"},
                tenant=TENANT,
                protected=protected,
            )
            found["concourse"] = made.concourse
            pulumi.export(
                "claims", pulumi.Output.all(*made.claimed("payments", "member", [TEAM_GROUP, "made"]))
            )

        found = {}
        return run(program), found

    return built


def test_callback_and_issuer_are_concourses(entra):
    recorder, found = entra()
    application = recorder.named(APPLICATION)["concourse"].inputs
    assert application["web"]["redirectUris"] == ["https://ci.example.org/sky/issuer/callback"]
    assert application["api"] == {"requestedAccessTokenVersion": 2}
    assert found["concourse"].issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"


def test_tokens_contain_assigned_groups_only(entra):
    """If a user has too many groups, the token contains none."""
    recorder, _ = entra()
    assert recorder.named(APPLICATION)["concourse"].inputs["groupMembershipClaims"] == ["ApplicationGroup"]
    principal = recorder.named("azuread:index/servicePrincipal:ServicePrincipal")["concourse"].inputs
    assert principal["appRoleAssignmentRequired"] is True


def test_each_group_of_a_team_is_assigned_once(entra):
    assigned = {
        name: r.inputs for name, r in entra()[0].named(ASSIGNMENT).items() if name.startswith("concourse")
    }
    assert sorted(a["principalObjectId"] for a in assigned.values()) == [OWNERS, TEAM_GROUP, "object-of-made"]


def test_a_removed_team_has_no_assignments(entra):
    recorder, _ = entra(teams=(team("payments", removed=True),))
    assert not [name for name in recorder.named(ASSIGNMENT) if name.startswith("concourse")]


def test_with_app_roles_each_team_role_has_its_own(entra):
    recorder, _ = entra(group_claims="AppRoles")
    application = recorder.named(APPLICATION)["concourse"].inputs
    assert "groupMembershipClaims" not in application
    ids = {role["value"]: role["id"] for role in application["appRoles"]}
    assert sorted(ids) == ["main.member", "main.owner", "payments.member", "payments.owner"]
    assigned = recorder.named(ASSIGNMENT)[f"concourse-payments.member-{TEAM_GROUP}"].inputs
    assert assigned["appRoleId"] == ids["payments.member"]


def test_grafana_groups_are_assigned_to_app_roles(entra):
    recorder, _ = entra()
    roles = recorder.named(APPLICATION)["grafana"].inputs["appRoles"]
    assert [role["value"] for role in roles] == ["Admin", "Editor", "Viewer"]
    assert f"grafana-Admin-{OWNERS}" in recorder.named(ASSIGNMENT)


def test_another_rotation_month_creates_another_secret(entra):
    password = entra(rotation="2027-03")[0].named("azuread:index/applicationPassword:ApplicationPassword")
    assert password["concourse"].inputs["rotateWhenChanged"] == {"rotation": "2027-03"}
    assert password["concourse"].inputs["endDateRelative"] == "4320h"


@pytest.mark.parametrize("stack", STACKS)
def test_prometheus_has_each_secrets_expiry(run_stack, stack):
    rules = run_stack(stack).named("kubernetes:monitoring.coreos.com/v1:PrometheusRule")["expiry"]
    [group] = rules.inputs["spec"]["groups"]
    told = {rule["labels"]["what"]: rule["expr"] for rule in group["rules"]}
    for program in ("Concourse", "Grafana"):
        assert told[f"{program}'s secret in Entra"] == "vector(1810800000)"


@pytest.mark.parametrize("protected", [True, False])
def test_application_and_groups_are_protected_in_a_protected_stack(entra, protected):
    recorder, _ = entra(protected=protected)
    for resource in recorder.resources:
        if resource.type in (APPLICATION, "azuread:index/group:Group"):
            assert bool(resource.options.get("protect")) is protected


def test_members_of_a_new_group_are_not_managed(entra):
    group = entra()[0].named("azuread:index/group:Group")["made"]
    assert group.options["ignoreChanges"] == ["members", "owners"]
    assert group.inputs["displayName"] == "concourse-test-made"


def test_the_application_can_only_read_the_users_identity(entra):
    [access] = entra()[0].named(APPLICATION)["concourse"].inputs["requiredResourceAccesses"]
    assert {each["type"] for each in access["resourceAccesses"]} == {"Scope"}
    assert len(access["resourceAccesses"]) == 4


def test_the_client_secret_stays_secret(run_stack):
    secret = run_stack("prod").named("kubernetes:core/v1:Secret")["concourse-web"].inputs["stringData"]
    assert SECRET in secret
    assert revealed(secret)["oidc-client-secret"] == "the-secret-of-concourse"


def test_applications_and_their_principals_have_the_owners(entra):
    """Whoever may change only what it owns needs both: the application's secret, the principal's roles."""
    recorder, _ = entra(owners=(OWNERS, TEAM_GROUP))
    kinds = (APPLICATION, "azuread:index/servicePrincipal:ServicePrincipal")
    found = [each.inputs["owners"] for kind in kinds for each in recorder.named(kind).values()]
    assert found == [[OWNERS, TEAM_GROUP]] * 4


def test_without_the_setting_the_creator_stays_the_owner(entra):
    assert "owners" not in entra()[0].named(APPLICATION)["concourse"].inputs
