"""Azure's built-in roles used by the platform, and their assignment."""

from enum import StrEnum

import pulumi_azure_native as az
from pulumi import Input, Resource, ResourceOptions

from components.azure.arm_id import ArmId


class Role(StrEnum):
    """A built-in role, by its GUID, which is the same in every tenant."""

    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    """Creates and deletes everything except role assignments."""
    ROLE_BASED_ACCESS_CONTROL_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
    KEY_VAULT_CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
    """Encrypts and decrypts data with a key."""
    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
    PRIVATE_DNS_ZONE_CONTRIBUTOR = "b12aa53e-6015-4669-85d0-8515ebb3ae7f"
    READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    DNS_ZONE_CONTRIBUTOR = "befefa01-2a29-4197-83a8-272ff33ce314"
    KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
    """Reads a key's metadata, wraps and unwraps with the key, and nothing else."""
    KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    """Sets and reads secrets. No built-in role can only set them, so assign this on a single secret."""
    VIRTUAL_MACHINE_CONTRIBUTOR = "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    """Creates and deletes disks. The platform's disks are in a resource group without VMs."""
    STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


def grant(
    name: str,
    role: Role,
    *,
    principal: Input[str],
    scope: Input[str],
    parent: Resource,
    principal_type: str = "ServicePrincipal",
) -> "az.authorization.RoleAssignment":
    """Assign a role at exactly this scope to a managed identity or another kind of principal."""
    return az.authorization.RoleAssignment(
        name,
        principal_id=principal,
        # Skips the lookup in Entra, which may not have replicated a new identity yet.
        principal_type=principal_type,
        role_definition_id=ArmId(scope).subscription.apply(lambda id_: definition(role, id_)),
        scope=scope,
        opts=ResourceOptions(
            parent=parent,
            # Azure allows neither changing an assignment's role nor duplicate assignments.
            replace_on_changes=["roleDefinitionId"],
            delete_before_replace=True,
        ),
    )


def definition(role: Role, subscription: str) -> str:
    """A role's ID including the subscription, as Azure returns it; any other form would show as drift."""
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
