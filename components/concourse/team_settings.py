"""What a stack chooses about Concourse's teams: who may do what in each."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule
from components.config.types import ConcourseName, GroupRef
from components.entra import TeamGroup

MAIN = "main"
"""The team that Concourse always has. Its owners administer all others."""
SERVICE = "svc-"


def _principal(value: str) -> str:
    if "," in value or ":" in value or value.count("@") != 1:
        raise ValueError(f"{value!r} is not a person as Entra names one, such as ada@example.org")
    return value


UserPrincipal = Annotated[str, AfterValidator(_principal), Field(examples=["ada@example.org"])]
"""A person's user principal name."""


class EntraMembers(Model):
    """Whom Entra lets in."""

    groups: tuple[GroupRef, ...] = ()
    """Groups: object ids, or names of entra.groups."""
    users: tuple[UserPrincipal, ...] = ()
    """Persons by their user principal names. Entra can give a name to somebody else: groups are safer."""


class RoleSettings(Model):
    """Who has a role, by the connector that they log in by."""

    oidc: EntraMembers = EntraMembers()
    """By Entra."""

    def rules(self) -> Iterable[Rule]:
        return (self._somebody,)

    def _somebody(self) -> Iterator[Problem]:
        if not self.oidc.groups and not self.oidc.users:
            yield Problem(
                "oidc", "names nobody, and Concourse takes no such role; name a group, or remove it"
            )


class RolesSettings(Model):
    """Concourse's roles in a team, each with those who have it."""

    owner: RoleSettings | None = None
    """May change who is in the team, which the next `up` undoes; beside that as member."""
    member: RoleSettings | None = None
    """May set pipelines and see everything in the team."""
    pipeline_operator: RoleSettings | None = Field(default=None, alias="pipeline-operator")
    """May start, stop and pin, and change no pipeline."""
    viewer: RoleSettings | None = None
    """May look."""

    def given(self) -> Iterator[tuple[str, RoleSettings]]:
        """Each role that somebody has, by Concourse's name for it."""
        for name, field in type(self).model_fields.items():
            role = getattr(self, name)
            if role is not None:
                yield field.alias or name, role


class TeamSettings(Model):
    """A team: a part of Concourse with pipelines, secrets and people of its own."""

    name: ConcourseName
    """Also its place in Vault, so another name is another team, without the old one's secrets."""
    roles: RolesSettings = Field(
        default=RolesSettings(),
        examples=[{"owner": {"oidc": {"groups": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]}}}],
    )
    """Who may do what."""
    service_user: ConcourseName | None = None
    """Name of the team's local user, which programs log in as: `svc-<team>` unless given."""
    removed: bool = False
    """True deletes the team with all its pipelines and builds. Nothing else does."""

    @property
    def user(self) -> str:
        """Name of its local user."""
        return self.service_user or f"{SERVICE}{self.name}"

    def rules(self) -> Iterable[Rule]:
        return (self._somebody_gets_in, self._main_stays)

    def _somebody_gets_in(self) -> Iterator[Problem]:
        if not self.removed and not list(self.roles.given()):
            text = "nobody is in the team; give it a member, or remove the team by removed: true"
            yield Problem("roles", text)
        if self.name == MAIN and self.roles.owner is None:
            text = "without an owner nobody administers Concourse; name the group that does"
            yield Problem("roles.owner", text)

    def _main_stays(self) -> Iterator[Problem]:
        if self.name == MAIN and self.removed:
            yield Problem("removed", "Concourse never gives up its main team; say false")


def team_groups(teams: Iterable[TeamSettings]) -> list[TeamGroup]:
    """Every Entra group with a role in a team that is not removed."""
    return [
        TeamGroup(team.name, role, group)
        for team in teams
        if not team.removed
        for role, members in team.roles.given()
        for group in members.oidc.groups
    ]


def taken_twice(teams: Iterable[TeamSettings], administrator: str) -> Iterator[Problem]:
    """Names that two teams, or two users, share."""
    names: set[str] = set()
    users = {administrator}
    for index, team in enumerate(teams):
        if team.name in names:
            yield Problem(f"[{index}].name", f"{team.name!r} is another team's name already; give it its own")
        elif team.user in users:
            text = f"{team.user!r} is another user's name already; give serviceUser another one"
            yield Problem(f"[{index}].serviceUser", text)
        names.add(team.name)
        users.add(team.user)
