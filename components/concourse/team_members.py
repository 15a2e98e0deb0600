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
    """Who has a role, by the connectors that they log in by."""

    groups: Sequence[str] = ()
    """What Entra's tokens say of their groups."""
    users: Sequence[str] = ()
    """Their user principal names."""
    local: Sequence[str] = ()
    """Local users."""


def to_roles(members: Mapping[str, Members]) -> Roles:
    """Role → connector → kind → names, without what is empty: Concourse takes no role that nobody has."""
    found: Roles = {}
    for role, who in members.items():
        entra = {"groups": sorted(who.groups), "users": sorted(who.users)}
        connectors = {
            "oidc": {kind: names for kind, names in entra.items() if names},
            "local": {"users": sorted(who.local)} if who.local else {},
        }
        given = {connector: kinds for connector, kinds in connectors.items() if kinds}
        if given:
            found[role] = given
    return found


Auth = dict[str, dict[str, list[str]]]
"""The same as Concourse's API has it: role → groups and users, each as `connector:name`."""


def to_api_auth(roles: Roles) -> Auth:
    """Roles as the API takes them."""
    found: Auth = {}
    for role, connectors in roles.items():
        for connector, kinds in connectors.items():
            for kind, names in kinds.items():
                found.setdefault(role, {}).setdefault(kind, []).extend(
                    f"{connector}:{name}" for name in names
                )
    return {role: {kind: sorted(names) for kind, names in kinds.items()} for role, kinds in found.items()}


Claimed = Callable[[str, str, Iterable[str]], Sequence[Input[str]]]
"""For a team, a role and its groups: what tokens of their members say."""


def team_config(team: TeamSettings, claimed: Claimed, administrator: str) -> Output[Roles]:
    """A team's members, once their groups are known."""
    groups: dict[str, Any] = {
        role: Output.all(*claimed(team.name, role, who.oidc.groups)) for role, who in team.roles.given()
    }
    return Output.all(**groups).apply(lambda claims: team_members(team, claims, administrator))


def team_members(team: TeamSettings, claims: Mapping[str, Sequence[str]], administrator: str) -> Roles:
    """A team's members, given what tokens say by role. Its local user is one; main's is the administrator."""
    given = dict(team.roles.given())
    role, user = ("owner", administrator) if team.name == MAIN else ("member", team.user)
    return to_roles(
        {
            name: Members(
                groups=claims.get(name, ()),
                users=given[name].oidc.users if name in given else (),
                local=[user] if name == role else (),
            )
            for name in dict.fromkeys((*given, role))
        }
    )
