"""A team's members in the form that Concourse and fly read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pulumi import Input, Output

from components.concourse.team_settings import MAIN, TeamSettings

T = TypeVar("T")
Roles = dict[str, dict[str, dict[str, list[str]]]]


@dataclass(frozen=True)
class Members:
    """Members with a role, by the connector that they log in through."""

    groups: Sequence[str] = ()
    """Groups, as they appear in Entra's tokens."""
    users: Sequence[str] = ()
    """User principal names."""
    local: Sequence[str] = ()
    """Names of local users."""


def to_roles(members: Mapping[str, Members]) -> Roles:
    """Role → connector → groups or users → names, without empty roles, which Concourse rejects."""
    found: Roles = {}
    for role, who in members.items():
        entra = {"groups": sorted(who.groups), "users": sorted(who.users)}
        connectors = {
            "oidc": {key: names for key, names in entra.items() if names},
            "local": {"users": sorted(who.local)} if who.local else {},
        }
        given = {connector: lists for connector, lists in connectors.items() if lists}
        if given:
            found[role] = given
    return found


Auth = dict[str, dict[str, list[str]]]
"""Roles in the format of Concourse's API: role → groups and users, each as `connector:name`."""


def to_api_auth(roles: Roles) -> Auth:
    """Convert roles to the format of Concourse's API."""
    found: Auth = {}
    for role, connectors in roles.items():
        for connector, members in connectors.items():
            for key, names in members.items():
                found.setdefault(role, {}).setdefault(key, []).extend(f"{connector}:{name}" for name in names)
    return {role: {key: sorted(names) for key, names in members.items()} for role, members in found.items()}


Claimed = Callable[[str, str, Iterable[str]], Sequence[Input[str]]]
"""Maps a team, a role and its groups to the claims in their members' tokens."""


def team_config(team: TeamSettings, claimed: Claimed, administrator: str) -> Output[Roles]:
    """A team's members; known once their groups are."""
    groups: dict[str, Any] = {
        role: Output.all(*claimed(team.name, role, who.oidc.groups)) for role, who in team.roles.given()
    }
    return Output.all(**groups).apply(lambda claims: team_members(team, claims, administrator))


def team_members(team: TeamSettings, claims: Mapping[str, Sequence[str]], administrator: str) -> Roles:
    """A team's members, including its local user (main's is the administrator). `claims` are by role."""
    given = dict(team.roles.given())
    role, user = ("owner", administrator) if team.name == MAIN else ("member", team.user)
    return to_roles(
        {
            name: Members(
                groups=claims.get(name, ()),
                users=given[name].oidc.users if name in given else (),
                local=[user] if user and name == role else (),
            )
            for name in dict.fromkeys((*given, *([role] if user else [])))
        }
    )
