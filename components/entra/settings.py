"""Settings for Entra: how people log in, and which groups have access."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule
from components.config.types import Epoch, GroupRef, Guid, is_guid

GroupClaims = Literal["ApplicationGroup", "SecurityGroup", "AppRoles"]
"""How tokens represent a person's groups."""


def _name(value: str) -> str:
    if is_guid(value):
        raise ValueError(
            f"{value} is the ID of an existing group; use it directly in teams and roles, not here"
        )
    return value


NewGroup = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]{1,49}$", examples=["payments"]), AfterValidator(_name)
]
"""Name of a group to create. Its display name in Entra is `concourse-<stack>-<name>`."""


class GrafanaRoles(Model):
    """Entra groups for each Grafana role. Everyone else stops at the login."""

    admin: tuple[GroupRef, ...] = ()
    """Groups with full control, including users and data sources."""
    editor: tuple[GroupRef, ...] = ()
    """Groups that may edit dashboards."""
    viewer: tuple[GroupRef, ...] = ()
    """Groups with read-only access."""


class EntraSettings(Model):
    """Entra logins: group claims in tokens, groups to create, and the lifetime of client secrets."""

    group_claims: GroupClaims = "ApplicationGroup"
    """How tokens represent a person's groups (docs/adr/0007-groups-in-tokens.md).

    ApplicationGroup: object IDs of the groups that a team uses; needs Entra P1; no nested groups.
    SecurityGroup: object IDs of all groups; with more than 200 groups the claim is silently left out.
    AppRoles: an app role for each role in each team; needs Entra P1."""
    assignment_required: bool = True
    """Restrict logins to members of groups that a team uses; needs Entra P1.

    If false, everyone in the tenant can log in and see the exposed pipelines."""
    owners: tuple[Guid, ...] = Field(
        default=(), max_length=100, examples=[["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]]
    )
    """Object IDs of the service principals and persons that own the applications: all that deploy the stack.

    A deployer may change only applications that it owns, their secrets too. If empty, that is only whoever
    created them. On existing applications, a person has to apply a change (an Application Administrator)."""
    groups: tuple[NewGroup, ...] = ()
    """Groups to create. Their owners manage the members; Pulumi does not."""
    grafana: GrafanaRoles = GrafanaRoles()
    """Entra groups for each Grafana role."""
    rotation: Epoch = "2026-11"
    """Month of the last client secret rotation. A later month issues new secrets and revokes the old ones."""
    secret_days: int = Field(default=180, ge=60, le=365)
    """Client secret lifetime in days. Change `rotation` before it ends; an alert fires 45 days before."""

    def rules(self) -> Iterable[Rule]:
        return (self._claims_need_assignments, self._names_differ)

    def _claims_need_assignments(self) -> Iterator[Problem]:
        if self.group_claims != "SecurityGroup" and not self.assignment_required:
            text = (
                f"{self.group_claims} covers assigned groups only, so assignments are required: use true, or "
                "groupClaims: SecurityGroup"
            )
            yield Problem("assignmentRequired", text)

    def _names_differ(self) -> Iterator[Problem]:
        counted = Counter(self.groups)
        for index, name in enumerate(self.groups):
            if counted[name] > 1 and name in self.groups[:index]:
                yield Problem(f"groups[{index}]", f"{name} is listed twice; remove one")
