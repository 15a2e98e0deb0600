"""Workload identities: how service accounts in the cluster authenticate to Azure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi_azure_native as az
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions

from components.azure.arm_id import ArmId
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.component import Component, after

AUDIENCE = "api://AzureADTokenExchange"
"""Required audience of service account tokens. Entra accepts no other."""


class ServiceAccount(NamedTuple):
    """A Kubernetes service account, by namespace and name."""

    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """The subject of the account's tokens."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


VAULT_ACCOUNT = ServiceAccount("vault", "vault")
VAULT_INIT_ACCOUNT = ServiceAccount("vault", "vault-init")
CERT_MANAGER_ACCOUNT = ServiceAccount("cert-manager", "cert-manager")
BACKUP_ACCOUNT = ServiceAccount("backup", "backup")


class WorkloadIdentity(Component):
    """A managed identity for passwordless login by service accounts."""

    client_id: Output[str]
    """For the service account annotation; known once login and roles are set up."""

    def __init__(
        self,
        name: str,
        *,
        context: AzureContext,
        issuer: Input[str],
        accounts: Sequence[ServiceAccount],
        roles: Mapping[Role, Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`roles` maps each role to its scope. `issuer` includes the trailing slash."""
        super().__init__(name, opts)
        self.client_id = federated_identity(
            name,
            context=context,
            issuer=issuer,
            subjects={f"{account.namespace}-{account.name}": account.subject for account in accounts},
            roles=roles,
            parent=self,
        )
        self.register_outputs({"clientId": self.client_id})


def federated_identity(
    name: str,
    *,
    context: AzureContext,
    issuer: Input[str],
    subjects: Mapping[str, str],
    roles: Mapping[Role, Input[str]],
    parent: Resource,
) -> Output[str]:
    """Create an identity with a federated credential for each of `subjects` (by name), and assign its roles.

    Returns the client ID, known once the credentials and role assignments exist.
    """
    identity = az.managedidentity.UserAssignedIdentity(
        name, **context.common, opts=ResourceOptions(parent=parent)
    )
    known = lookup_identity(identity.id, parent=parent)
    credentials: list[az.managedidentity.FederatedIdentityCredential] = []
    for credential, subject in subjects.items():
        credentials.append(
            az.managedidentity.FederatedIdentityCredential(
                f"{name}-{credential}",
                resource_group_name=context.group,
                resource_name_=ArmId(identity.id).name,
                issuer=issuer,
                subject=subject,
                audiences=[AUDIENCE],
                # Azure rejects concurrent writes to the credentials of one identity.
                opts=ResourceOptions(parent=parent, depends_on=credentials[-1:]),
            )
        )
    grants = [
        grant(
            f"{name}-{role.name.lower().replace('_', '-')}",
            role,
            principal=known.principal_id,
            scope=scope,
            parent=parent,
        )
        for role, scope in roles.items()
    ]
    return after(known.client_id, *(made.id for made in (*credentials, *grants)))


def lookup_identity(
    identity: Output[str], parent: Resource
) -> Output["az.managedidentity.GetUserAssignedIdentityResult"]:
    """Look up a managed identity by its ID.

    The names come from the ID (see ArmId). Otherwise a new tag would show all role assignments as replaced.
    """
    return az.managedidentity.get_user_assigned_identity_output(
        resource_group_name=ArmId(identity).resource_group,
        resource_name=ArmId(identity).name,
        opts=InvokeOptions(parent=parent),  # also inherits the provider
    )


def oidc_issuer_url(cluster: Output[str], parent: Resource) -> Output[str]:
    """The OIDC issuer of a cluster, with its trailing slash, because Entra requires an exact match.

    The names come from the ID (see ArmId). Otherwise every workload identity would show as changed.
    """
    cluster_ = az.containerservice.get_managed_cluster_output(
        resource_group_name=ArmId(cluster).resource_group,
        resource_name=ArmId(cluster).name,
        opts=InvokeOptions(parent=parent),  # also inherits the provider
    )
    return cluster_.apply(
        lambda found: found.oidc_issuer_profile.issuer_url if found.oidc_issuer_profile else ""
    )
