"""Group and role claims in Entra tokens."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from components.entra.settings import GroupClaims

T = TypeVar("T")


class TeamGroup(NamedTuple):
    """A group with a role in a Concourse team."""

    team: str
    role: str
    group: str
    """Object ID, or a name from entra.groups."""


def token_claims(
    group_claims: GroupClaims, ids: Mapping[str, T], team: str, role: str, groups: Iterable[str]
) -> list[T | str]:
    """Token claims of members of `groups` with a role in a team. `ids` maps names in entra.groups to IDs."""
    if group_claims == "AppRoles":
        return [role_claim(team, role)] if groups else []
    return [ids.get(group, group) for group in groups]


def role_claim(team: str, role: str) -> str:
    """Name of the app role for a role in a team."""
    return f"{team}.{role}"
