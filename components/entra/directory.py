"""Entra login for the platform: groups, and an app registration for each program with a login."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pulumi_azuread as ad
from pulumi import Input, Output, ResourceOptions, get_stack

from components.component import Component
from components.entra.application import AppRegistration, Assignment, OidcClient
from components.entra.claims import TeamGroup, role_claim, token_claims
from components.entra.settings import EntraSettings

GRAFANA_ROLES = {
    "Admin": "Can manage users, data sources and all other settings",
    "Editor": "Can edit dashboards",
    "Viewer": "Can view dashboards",
}
"""Grafana's role names, with descriptions."""


class Entra(Component):
    """The platform's objects in the tenant: new groups, and the logins for Concourse and Grafana."""

    concourse: OidcClient
    grafana: OidcClient
    """Only in a stack with Grafana."""
    groups: Mapping[str, Output[str]]
    """Object IDs of the created groups, by name."""
    expires_at: dict[str, Output[str]]
    """Expiry time of each client secret, by the secret's description."""

    def __init__(
        self,
        name: str,
        settings: EntraSettings,
        *,
        team_groups: Sequence[TeamGroup],
        hosts: Mapping[str, str],
        tenant: str,
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`hosts` maps each program to its full host name. Without Grafana's, there is no login for it."""
        super().__init__(name, opts)
        self.settings = settings
        stack, child = get_stack(), ResourceOptions(parent=self)
        self.groups = {
            group: ad.Group(
                group,
                display_name=f"concourse-{stack}-{group}",
                description=f"Members have roles in Concourse or Grafana ({stack})",
                security_enabled=True,
                prevent_duplicate_names=True,
                opts=ResourceOptions(
                    parent=self,
                    protect=protected,  # teams refer to its ID
                    ignore_changes=["members", "owners"],  # managed by the group's owners
                ),
            ).object_id.apply(str)
            for group in settings.groups
        }
        by_roles = settings.group_claims == "AppRoles"
        url = f"https://{hosts['concourse']}"
        concourse = AppRegistration(
            "concourse",
            settings,
            display_name=f"Concourse {stack}",
            homepage=url,
            callback=f"{url}/sky/issuer/callback",
            claims=None if by_roles else [settings.group_claims],
            roles=dict(_team_roles(team_groups)) if by_roles else {},
            assignments=self._assignments(team_groups) if settings.assignment_required else (),
            tenant=tenant,
            protected=protected,
            opts=child,
        )
        self.concourse = concourse.login
        self.expires_at = {"Concourse's secret in Entra": concourse.expires_at}
        if host := hosts.get("grafana"):
            grafana = AppRegistration(
                "grafana",
                settings,
                display_name=f"Grafana {stack}",
                homepage=f"https://{host}",
                callback=f"https://{host}/login/azuread",
                claims=None,
                roles=GRAFANA_ROLES,
                assignments=[
                    Assignment(group, self._id(group), role)
                    for role in GRAFANA_ROLES
                    for group in getattr(settings.grafana, role.lower())
                ],
                tenant=tenant,
                protected=protected,
                opts=child,
            )
            self.grafana = grafana.login
            self.expires_at |= {"Grafana's secret in Entra": grafana.expires_at}
        self.register_outputs({"groups": dict(self.groups)})

    def claimed(self, team: str, role: str, groups: Iterable[str]) -> list[Input[str]]:
        """Token claims by which Concourse recognizes members of `groups` with a role in a team."""
        return list(token_claims(self.settings.group_claims, self.groups, team, role, groups))

    def _id(self, group: str) -> Input[str]:
        return self.groups.get(group, group)

    def _assignments(self, team_groups: Iterable[TeamGroup]) -> Iterable[Assignment]:
        """One assignment for each pair of group and app role, even if several teams share it."""
        found = {}
        for team, role, group in team_groups:
            claim = role_claim(team, role) if self.settings.group_claims == "AppRoles" else ""
            found[group, claim] = Assignment(group, self._id(group), claim)
        return found.values()


def _team_roles(team_groups: Iterable[TeamGroup]) -> Iterator[tuple[str, str]]:
    for team, role, _ in team_groups:
        yield role_claim(team, role), f"Has the role {role} in team {team}"
