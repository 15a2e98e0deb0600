"""What Entra's tokens say of a group's members."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from components.entra.settings import GroupClaims

T = TypeVar("T")


class TeamGroup(NamedTuple):
    """A group that has a role in a team of Concourse."""

    team: str
    role: str
    group: str
    """Object id, or a name in entra.groups."""


def token_claims(
    kind: GroupClaims, ids: Mapping[str, T], team: str, role: str, groups: Iterable[str]
) -> list[T | str]:
    """What tokens of members of `groups` say, for a role in a team; `ids` are those of groups of ours."""
    if kind == "AppRoles":
        return [role_claim(team, role)] if groups else []
    return [ids.get(group, group) for group in groups]


def role_claim(team: str, role: str) -> str:
    """The application's role for a role in a team."""
    return f"{team}.{role}"
