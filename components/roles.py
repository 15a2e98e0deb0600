"""Azure's built-in roles that the platform gives out, and how it gives them."""

from enum import StrEnum

import pulumi_azure_native as az
from pulumi import Input, Output, Resource, ResourceOptions

from components.azure import part


class Role(StrEnum):
    """A built-in role by the GUID that it has in every tenant."""

    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"


def grant(
    name: str, role: Role, *, principal: Input[str], scope: Output[str], parent: Resource
) -> "az.authorization.RoleAssignment":
    """Give a managed identity a role at a scope, and nothing above it."""
    return az.authorization.RoleAssignment(
        name,
        principal_id=principal,
        # Entra may not have replicated a new identity yet; with its type given nobody looks it up.
        principal_type="ServicePrincipal",
        role_definition_id=scope.apply(lambda id_: definition(role, part(id_, "subscriptions"))),
        scope=scope,
        opts=ResourceOptions(
            parent=parent,
            # Azure can neither change an assignment's role nor hold the same one twice.
            replace_on_changes=["roleDefinitionId"],
            delete_before_replace=True,
        ),
    )


def definition(role: Role, subscription: str) -> str:
    """A role's id, with its subscription: Azure answers with that, and another would be drift."""
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
