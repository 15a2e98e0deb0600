"""What a stack chooses about Entra: how people log in, and who may."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule
from components.config.types import Epoch, GroupRef, is_guid

GroupClaims = Literal["ApplicationGroup", "SecurityGroup", "AppRoles"]
"""What a token says of a person's groups."""


def _name(value: str) -> str:
    if is_guid(value):
        raise ValueError(
            f"{value} is the id of a group that exists; use it as such, and make none of that name"
        )
    return value


NewGroup = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]{1,49}$", examples=["payments"]), AfterValidator(_name)
]
"""Name of a group to make. Entra shows it as `concourse-<stack>-<name>`."""


class GrafanaRoles(Model):
    """Which Entra groups have which of Grafana's roles. Who is in none gets no further than the login."""

    admin: tuple[GroupRef, ...] = ()
    """May change users, data sources and everything else."""
    editor: tuple[GroupRef, ...] = ()
    """May change dashboards."""
    viewer: tuple[GroupRef, ...] = ()
    """May look."""


class EntraSettings(Model):
    """Logins by Entra: what tokens say of groups, which groups are made, how long secrets are good."""

    group_claims: GroupClaims = "ApplicationGroup"
    """What a token says of its owner's groups (docs/adr/0007-groups-in-tokens.md).

    ApplicationGroup: those that some team has, by object id; needs Entra P1, and knows no groups in groups.
    SecurityGroup: all, by object id; of a person in more than 200 none, and nobody is told.
    AppRoles: a role of the application for each team's role; needs Entra P1."""
    assignment_required: bool = True
    """Whether only members of groups that some team has can log in at all; needs Entra P1.

    Without it everybody in the tenant can, and sees the pipelines that are exposed to everybody."""
    groups: tuple[NewGroup, ...] = ()
    """Groups to make. Their members are nobody's but their owners' to choose."""
    grafana: GrafanaRoles = GrafanaRoles()
    """Who may do what in Grafana."""
    rotation: Epoch = "2026-11"
    """Month of the applications' secrets. A later one makes new ones; the old stop being good then."""
    secret_days: int = Field(default=180, ge=60, le=365)
    """For how many days a secret is good. The rotation is to move before; an alert comes 45 days earlier."""

    def rules(self) -> Iterable[Rule]:
        return (self._claims_need_assignments, self._names_differ)

    def _claims_need_assignments(self) -> Iterator[Problem]:
        if self.group_claims != "SecurityGroup" and not self.assignment_required:
            text = (
                f"{self.group_claims} tells of assigned groups alone, so assign them: say true, or "
                "groupClaims: SecurityGroup"
            )
            yield Problem("assignmentRequired", text)

    def _names_differ(self) -> Iterator[Problem]:
        counted = Counter(self.groups)
        for index, name in enumerate(self.groups):
            if counted[name] > 1 and name in self.groups[:index]:
                yield Problem(f"groups[{index}]", f"{name} is made already; remove one")
