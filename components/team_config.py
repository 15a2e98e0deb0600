"""A team's members in the form that Concourse and fly read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Output

from components.team_settings import MAIN, TeamSettings

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


def roles_of(members: Mapping[str, Members]) -> Roles:
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


Claimed = Callable[[str, str, Iterable[str]], Sequence[Input[str]]]
"""For a team, a role and its groups: what tokens of their members say."""


def config_of(team: TeamSettings, claimed: Claimed, administrator: str) -> Output[Roles]:
    """A team's members. Its local user is one of them; main's is the administrator."""
    given = dict(team.roles.given())
    groups: dict[str, Any] = {
        role: Output.all(*claimed(team.name, role, who.oidc.groups)) for role, who in given.items()
    }
    role, user = ("owner", administrator) if team.name == MAIN else ("member", team.user)

    def joined(claims: Mapping[str, Sequence[str]]) -> Roles:
        return roles_of(
            {
                name: Members(
                    groups=claims.get(name, ()),
                    users=given[name].oidc.users if name in given else (),
                    local=[user] if name == role else (),
                )
                for name in dict.fromkeys((*given, role))
            }
        )

    return Output.all(**groups).apply(joined)
