"""Deployer identities, one per stack. Only this Concourse's jobs for a stack can log in as its deployer."""

from collections.abc import Mapping

from pulumi import Input, Output, ResourceOptions

from components.azure.identity import federated_identity
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role
from components.azure.settings import PIPELINES, DeployerSettings, DeployersSettings
from components.component import Component


def subjects(team: str, deployer: DeployerSettings) -> dict[str, str]:
    """Token subjects of a stack's builds (atc/creds/idtoken, generateSubject), by credential name."""
    own = {pipeline: f"{team}/{pipeline}/stack:{deployer.stack}" for pipeline in PIPELINES}
    # For a pipeline without instance variables, that part of the subject is empty.
    return own | {f"job-{job}": f"{team}/platform//{job}" for job in deployer.jobs}


class Deployers(Component):
    """Passwordless identities with their role assignments."""

    client_ids: Mapping[str, Output[str]]
    """Client IDs by stack, for pipelines/vars/platform.yml; known once login and roles are set up."""

    def __init__(
        self,
        name: str,
        settings: DeployersSettings,
        *,
        context: AzureContext,
        issuer: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`issuer` is this Concourse's URL as it appears in tokens, without a trailing slash."""
        super().__init__(name, opts)
        self.client_ids = {
            each.stack: self._deployer(each, settings, context=context, issuer=issuer)
            for each in settings.stacks
        }
        self.register_outputs({"clientIds": dict(self.client_ids)})

    def _deployer(
        self,
        deployer: DeployerSettings,
        settings: DeployersSettings,
        *,
        context: AzureContext,
        issuer: Input[str],
    ) -> Output[str]:
        subscription = f"/subscriptions/{deployer.subscription_id}"
        return federated_identity(
            f"deployer-{deployer.stack}",
            context=context,
            issuer=issuer,
            subjects=subjects(settings.team, deployer),
            roles={
                Role.CONTRIBUTOR: subscription,
                # For the role assignments of the platform's own identities.
                Role.ROLE_BASED_ACCESS_CONTROL_ADMINISTRATOR: subscription,
                Role.STORAGE_BLOB_DATA_CONTRIBUTOR: settings.state_container,
                Role.KEY_VAULT_CRYPTO_USER: settings.state_key,
            }
            | ({Role.DNS_ZONE_CONTRIBUTOR: deployer.parent_zone_id} if deployer.parent_zone_id else {}),
            parent=self,
        )
