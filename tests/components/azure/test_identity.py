"""Workload identities: federated credentials and role assignments."""

import pytest
from pulumi import Output

from components.azure.identity import AUDIENCE, BACKUP_ACCOUNT, VAULT_ACCOUNT, WorkloadIdentity
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role
from tests.support.recorder import ISSUER, SUBSCRIPTION

PLACE = AzureContext("compute", "westeurope", {"environment": "test"}, protected=True)
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
KEY = f"{SUBSCRIPTION}/resourceGroups/stateful/providers/Microsoft.KeyVault/vaults/keys/keys/unseal"


def made(run, keep=None):
    def program():
        identity = WorkloadIdentity(
            "vault",
            context=PLACE,
            issuer=Output.from_input(ISSUER),
            accounts=[VAULT_ACCOUNT, BACKUP_ACCOUNT],
            roles={Role.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER: Output.from_input(KEY)},
        )
        if keep:
            identity.client_id.apply(keep)

    return run(program)


@pytest.fixture
def recorded(run):
    return made(run)


def test_the_subject_is_the_service_accounts_full_name(recorded):
    credential = recorded.named(CREDENTIAL)["vault-vault-vault"]
    assert credential.inputs["subject"] == "system:serviceaccount:vault:vault"
    assert credential.inputs["audiences"] == [AUDIENCE] == ["api://AzureADTokenExchange"]


def test_the_issuer_keeps_its_trailing_slash(recorded):
    """Entra requires an exact match."""
    for credential in recorded.of_type(CREDENTIAL):
        assert credential.inputs["issuer"] == ISSUER
        assert credential.inputs["issuer"].endswith("/")


def test_credentials_are_created_one_at_a_time(recorded):
    """Azure rejects concurrent writes to the credentials of one identity."""
    credentials = recorded.named(CREDENTIAL)
    first, second = credentials["vault-vault-vault"], credentials["vault-backup-backup"]
    assert first.urn in second.options["dependencies"]


def test_a_role_is_assigned_at_exactly_its_scope(recorded):
    given = recorded.one(ASSIGNMENT)
    assert given.inputs["scope"] == KEY
    assert given.inputs["roleDefinitionId"].endswith("e147488a-f6f5-4113-8e2d-b22465e65bf6")
    assert given.inputs["principalType"] == "ServicePrincipal"


def test_the_principal_is_looked_up_by_names_in_the_id(recorded):
    """Otherwise a new tag would show every role assignment as replaced."""
    [call] = recorded.calls
    assert call.args == {"resourceGroupName": "compute", "resourceName": "vault"}
    assert recorded.one(ASSIGNMENT).inputs["principalId"] == "principal-of-vault"


def test_the_client_id_is_the_identitys(run):
    kept = []
    made(run, kept.append)
    assert kept == ["client-of-vault"]


@pytest.mark.parametrize("stack", ["infra", "staging", "prod", "demo"])
def test_each_identity_has_one_role_at_one_resource(run_stack, stack):
    """A role at a resource group would include all its later resources."""
    given = {
        r.name: (
            r.inputs["roleDefinitionId"].rpartition("/")[2],
            r.inputs["scope"].rpartition("/providers/")[2],
        )
        for r in run_stack(stack).of_type(ASSIGNMENT)
        if not r.name.startswith(("cluster-", "ingress-", "deployer-", "storage-classes"))
    }
    roles = {name: role for name, (role, _) in given.items()}
    scopes = {name: scope.split("/")[1::2] for name, (_, scope) in given.items()}
    assert roles == {
        "vault-key-vault-crypto-service-encryption-user": Role.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
        "vault-init-key-vault-secrets-officer": Role.KEY_VAULT_SECRETS_OFFICER,
        "cert-manager-dns-zone-contributor": Role.DNS_ZONE_CONTRIBUTOR,
        "backup-storage-blob-data-contributor": Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
    }
    assert scopes == {
        "vault-key-vault-crypto-service-encryption-user": ["vaults", "keys"],
        "vault-init-key-vault-secrets-officer": ["vaults", "secrets"],
        "cert-manager-dns-zone-contributor": ["dnsZones"],
        "backup-storage-blob-data-contributor": ["storageAccounts", "blobServices", "containers"],
    }
