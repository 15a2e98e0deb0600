"""Azure components of the platform: resource groups, roles, identities, storage, Key Vault, deployers."""

from components.azure.deployers import Deployers
from components.azure.identity import WorkloadIdentity
from components.azure.key_vault import RECOVERY, KeyVault, Seal, key_vault_secret
from components.azure.resource_groups import AzureContext, ResourceGroups
from components.azure.roles import Role, grant
from components.azure.state_backend import StateBackend
from components.azure.storage import Storage

__all__ = [
    "RECOVERY",
    "AzureContext",
    "Deployers",
    "KeyVault",
    "ResourceGroups",
    "Role",
    "Seal",
    "StateBackend",
    "Storage",
    "WorkloadIdentity",
    "grant",
    "key_vault_secret",
]
