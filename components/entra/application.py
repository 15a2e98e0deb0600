"""App registration for a program with Entra login, and its group assignments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

import pulumi_azuread as ad
from pulumi import Input, Output, ResourceOptions

from components.component import Component, after
from components.entra.settings import EntraSettings

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""ID of Entra's default access role, for assignments without an app role."""
GRAPH = "00000003-0000-0000-c000-000000000000"
"""Application ID of Microsoft Graph, the same in every tenant."""
PERMISSIONS = {
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
}
"""Delegated permissions for the login, limited to the user's identity. Each user consents to them, or an
administrator consents for the whole tenant (docs/adr/0007-groups-in-tokens.md)."""


class Assignment(NamedTuple):
    """A group that is assignments to an application."""

    group: str
    """The group as written in the stack file."""
    principal: Input[str]
    """The group's object id."""
    role: str = ""
    """An app role of the application; empty for default access."""


@dataclass(frozen=True)
class OidcClient:
    """OIDC client settings for a program."""

    issuer: str
    client_id: Output[str]
    secret: Output[str]


class AppRegistration(Component):
    """A single-tenant application for one program in one stack."""

    login: OidcClient
    expires_at: Output[str]
    """Expiry time of the client secret."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: EntraSettings,
        *,
        display_name: str,
        homepage: str,
        callback: str,
        claims: list[str] | None,
        roles: Mapping[str, str],
        assignments: Iterable[Assignment],
        tenant: str,
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`claims` are the kinds of groups in tokens; `roles` maps app roles to their descriptions."""
        super().__init__(name, opts)
        child = ResourceOptions(parent=self, protect=protected)  # others refer to its ID
        owners = settings.owners or None
        ids = {role: str(uuid5(NAMESPACE_URL, f"{display_name}/{role}")) for role in roles}
        application = ad.Application(
            name,
            display_name=display_name,
            owners=owners,
            prevent_duplicate_names=True,
            sign_in_audience="AzureADMyOrg",
            group_membership_claims=claims,
            web={
                "homepage_url": homepage,
                "redirect_uris": [callback],
                "implicit_grant": {
                    "access_token_issuance_enabled": False,
                    "id_token_issuance_enabled": False,
                },
            },
            api={"requested_access_token_version": 2},
            optional_claims={"id_tokens": [{"name": "email"}, {"name": "preferred_username"}]},
            required_resource_accesses=[
                {
                    "resource_app_id": GRAPH,
                    "resource_accesses": [{"id": id_, "type": "Scope"} for id_ in PERMISSIONS.values()],
                }
            ],
            app_roles=[
                {
                    "id": ids[role],
                    "value": role,
                    "display_name": role,
                    "description": description,
                    "allowed_member_types": ["User"],
                    "enabled": True,
                }
                for role, description in roles.items()
            ],
            opts=child,
        )
        principal = ad.ServicePrincipal(
            name,
            client_id=application.client_id,
            owners=owners,
            app_role_assignment_required=settings.assignment_required,
            opts=child,
        )
        for group, object_id, role in assignments:
            ad.AppRoleAssignment(
                f"{name}-{role}-{group}" if role else f"{name}-{group}",
                app_role_id=ids[role] if role else DEFAULT_ACCESS,
                principal_object_id=object_id,
                resource_object_id=principal.object_id,
                opts=self.child,
            )
        password = ad.ApplicationPassword(
            name,
            application_id=application.id,
            display_name=f"rotation {settings.rotation}",
            end_date_relative=f"{settings.secret_days * 24}h",
            # Any change creates a new secret. The old one is deleted after all its users have the new one.
            rotate_when_changed={"rotation": settings.rotation},
            opts=ResourceOptions(parent=self, additional_secret_outputs=["value"]),
        )
        self.login = OidcClient(
            issuer=f"https://login.microsoftonline.com/{tenant}/v2.0",
            client_id=after(application.client_id, principal.object_id),
            secret=Output.secret(password.value),
        )
        self.expires_at = password.end_date
        self.register_outputs({"clientId": self.login.client_id})
