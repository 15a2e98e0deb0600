"""Settings of Concourse's teams and their members' roles."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule, shown
from components.config.types import ConcourseName, GroupRef
from components.entra import TeamGroup

MAIN = "main"
"""The team that Concourse always has. Its owners administer all others."""
SERVICE = "svc-"
SECRETS = "team-"
"""Prefix of a team's namespace with its secrets, in a stack without Vault. No other namespace has it."""


def _principal(value: str) -> str:
    if "," in value or ":" in value or value.count("@") != 1:
        raise ValueError(f"{shown(value)} is not a user principal name, such as ada@example.org")
    return value


UserPrincipal = Annotated[str, AfterValidator(_principal), Field(examples=["ada@example.org"])]
"""A person's user principal name."""


class EntraMembers(Model):
    """Groups and users from Entra."""

    groups: tuple[GroupRef, ...] = ()
    """Groups, by object id or by name in entra.groups."""
    users: tuple[UserPrincipal, ...] = ()
    """People, by user principal name. Entra can reassign a name to somebody else, so groups are safer."""


class RoleSettings(Model):
    """Members with a role, by the connector that they log in through."""

    oidc: EntraMembers = EntraMembers()
    """Members who log in through Entra."""

    def rules(self) -> Iterable[Rule]:
        return (self._has_members,)

    def _has_members(self) -> Iterator[Problem]:
        if not self.oidc.groups and not self.oidc.users:
            yield Problem(
                "oidc",
                "has no members, and Concourse rejects empty roles; add a group, or remove the role",
            )


class RolesSettings(Model):
    """Concourse's roles in a team, each with its members."""

    owner: RoleSettings | None = None
    """Has a member's permissions and may also change the team's members, which the next `up` reverts."""
    member: RoleSettings | None = None
    """May set pipelines and see everything in the team."""
    pipeline_operator: RoleSettings | None = Field(default=None, alias="pipeline-operator")
    """May start and stop builds and pin versions, but not change pipelines."""
    viewer: RoleSettings | None = None
    """May view the team's pipelines and builds."""

    def given(self) -> Iterator[tuple[str, RoleSettings]]:
        """Each role with members, by Concourse's name for it."""
        for name, field in type(self).model_fields.items():
            role = getattr(self, name)
            if role is not None:
                yield field.alias or name, role


class TeamSettings(Model):
    """A team: a part of Concourse with its own pipelines, secrets and members."""

    name: ConcourseName
    """Name of the team and its path in Vault. A new name means a new team, without the old one's secrets."""
    roles: RolesSettings = Field(
        default=RolesSettings(),
        examples=[{"owner": {"oidc": {"groups": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]}}}],
    )
    """Roles in the team and their members."""
    service_user: ConcourseName | None = None
    """Name of the local user with which the team's programs log in; `svc-<team>` by default."""
    programs: bool = True
    """Whether the team has a local user with which its programs log in."""
    removed: bool = False
    """Set true to delete the team with all its pipelines and builds. Nothing else deletes a team."""

    @property
    def user(self) -> str:
        """Name of the team's local user; empty if it has none."""
        return (self.service_user or f"{SERVICE}{self.name}") if self.programs else ""

    @property
    def namespace(self) -> str:
        """Namespace of the team's secrets, in a stack without Vault."""
        return f"{SECRETS}{self.name}"

    def rules(self) -> Iterable[Rule]:
        return (self._has_members, self._main_stays)

    def _has_members(self) -> Iterator[Problem]:
        if not self.removed and not list(self.roles.given()):
            text = "the team has no members; add one, or delete the team with removed: true"
            yield Problem("roles", text)
        if self.name == MAIN and self.roles.owner is None:
            text = "without an owner, nobody can administer Concourse; add a group"
            yield Problem("roles.owner", text)

    def _main_stays(self) -> Iterator[Problem]:
        if self.name == MAIN and self.removed:
            yield Problem("removed", "Concourse's main team cannot be deleted; set false")


def team_groups(teams: Iterable[TeamSettings]) -> list[TeamGroup]:
    """Every Entra group with a role in a team that is not removed."""
    return [
        TeamGroup(team.name, role, group)
        for team in teams
        if not team.removed
        for role, members in team.roles.given()
        for group in members.oidc.groups
    ]


def duplicate_names(teams: Iterable[TeamSettings], administrator: str) -> Iterator[Problem]:
    """Names that two teams or two users share."""
    names: set[str] = set()
    users = {administrator}
    for index, team in enumerate(teams):
        if team.name in names:
            yield Problem(
                f"[{index}].name",
                f"{shown(team.name)} is already the name of another team; choose another name",
            )
        elif team.user and team.user in users:
            text = f"{shown(team.user)} is already the name of another user; set serviceUser to another name"
            yield Problem(f"[{index}].serviceUser", text)
        names.add(team.name)
        users.add(team.user)
