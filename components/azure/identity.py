"""Identities of programs in the cluster: how a service account becomes somebody in Azure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pulumi_azure_native as az
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions

from components.azure.catalog import arm_segment
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.component import Component

AUDIENCE = "api://AzureADTokenExchange"
"""Whom a service account's token has to be for. Entra takes no other."""


class ServiceAccount(NamedTuple):
    """A service account of the cluster, by its whole name."""

    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """How its tokens call it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


VAULT = ServiceAccount("vault", "vault")
VAULT_INIT = ServiceAccount("vault", "vault-init")
CERT_MANAGER = ServiceAccount("cert-manager", "cert-manager")
BACKUP = ServiceAccount("backup", "backup")


class WorkloadIdentity(Component):
    """A managed identity that service accounts log in as, without a password."""

    client_id: Output[str]
    """For the service accounts' annotation; known once they can log in and have their roles."""

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
        """`roles` has the scope of each; `issuer` is whole, with its last slash."""
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
    """Make an identity that tokens of `subjects` (by a name) log in as, with the scope of each of its roles.

    Its client id, known once they can log in and do it.
    """
    identity = az.managedidentity.UserAssignedIdentity(
        name, **context.common, opts=ResourceOptions(parent=parent)
    )
    known = lookup_identity(identity.id, parent=parent)
    credentials: list[az.managedidentity.FederatedIdentityCredential] = []
    for called, subject in subjects.items():
        credentials.append(
            az.managedidentity.FederatedIdentityCredential(
                f"{name}-{called}",
                resource_group_name=context.group,
                resource_name_=identity.id.apply(lambda id_: arm_segment(id_, "userAssignedIdentities")),
                issuer=issuer,
                subject=subject,
                audiences=[AUDIENCE],
                # Azure writes one credential of an identity at a time and refuses a second one.
                opts=ResourceOptions(parent=parent, depends_on=credentials[-1:]),
            )
        )
    grants = [
        grant(
            f"{name}-{role.name.lower().replace('_', '-')}",
            role,
            principal=known.principal_id,
            scope=Output.from_input(scope),
            parent=parent,
        )
        for role, scope in roles.items()
    ]
    ready = Output.all(known.client_id, *(made.id for made in (*credentials, *grants)))
    return ready.apply(lambda all_: str(all_[0]))


def lookup_identity(
    identity: Output[str], parent: Resource
) -> Output["az.managedidentity.GetUserAssignedIdentityResult"]:
    """The managed identity of an id.

    Asked of Azure by the names in the id: its outputs are not known in the preview of an update,
    where a new tag would show every role of it as replaced.
    """
    return az.managedidentity.get_user_assigned_identity_output(
        resource_group_name=identity.apply(lambda id_: arm_segment(id_, "resourceGroups")),
        resource_name=identity.apply(lambda id_: arm_segment(id_, "userAssignedIdentities")),
        opts=InvokeOptions(parent=parent),  # and with it the provider
    )


def oidc_issuer_url(cluster: Output[str], parent: Resource) -> Output[str]:
    """The issuer of the cluster of an id, with its last slash: Entra compares it whole.

    Asked of Azure by the names in the id, as the kubeconfig is: the cluster's outputs are not known
    in the preview of an update, where every identity in the cluster would show as changed.
    """
    given = az.containerservice.get_managed_cluster_output(
        resource_group_name=cluster.apply(lambda id_: arm_segment(id_, "resourceGroups")),
        resource_name=cluster.apply(lambda id_: arm_segment(id_, "managedClusters")),
        opts=InvokeOptions(parent=parent),  # and with it the provider
    )
    return given.apply(
        lambda found: found.oidc_issuer_profile.issuer_url if found.oidc_issuer_profile else ""
    )
