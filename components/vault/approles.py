"""Vault's configuration: the mount for secrets, and the approles that read and write them."""

import json
from collections.abc import Sequence

import pulumi_vault as vault
from pulumi import Output, Resource, ResourceOptions

from components.component import Component
from components.vault.policy_documents import CONCOURSE, MOUNT, WRITER, concourse, writer
from components.vault.settings import AppRoleSettings

CONCOURSE_TOKEN_PERIOD = 3600
"""Period of Concourse's token in seconds. Concourse renews the token after half of it, without a limit."""
WRITER_TOKEN_TTL = 1800
"""TTL of a writer's token in seconds."""


class VaultAppRoles(Component):
    """The mount `secret/`, and two approles for `secret/concourse/`: Concourse reads, operators write."""

    approle: Output[str]
    """Concourse's login in its own format: `role_id:…,secret_id:…`. Secret."""
    writer: Output[str]
    """The writers' login as JSON, for `vault write auth/approle/login -`. Secret."""

    def __init__(
        self,
        name: str,
        settings: AppRoleSettings,
        *,
        servers: Resource | None = None,
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`servers` is Vault itself: when it is deleted, nothing in it is deleted first.

        An update that leaves Vault out closes the way to it before it deletes anything.
        """
        super().__init__(name, opts)
        self.child = ResourceOptions(parent=self, deleted_with=servers)
        mount = vault.Mount(
            f"{name}-{MOUNT}",
            path=MOUNT,
            type="kv",
            options={"version": "2"},
            description="Secrets of pipelines",
            # Pulumi's policy does not allow its deletion, so `destroy` leaves it in Vault.
            opts=ResourceOptions(parent=self, protect=protected, retain_on_delete=True),
        )
        self.backend = vault.AuthBackend(f"{name}-approle", type="approle", path="approle", opts=self.child)
        # All web nodes log in with the same secret id, at every start.
        logins = self._approle(
            f"{name}-{CONCOURSE}", CONCOURSE, concourse(), settings.epochs, period=CONCOURSE_TOKEN_PERIOD
        )
        self.approle = Output.secret(
            Output.all(*logins, mount.path).apply(lambda parts: f"role_id:{parts[0]},secret_id:{parts[1]}")
        )
        logins = self._approle(f"{name}-{WRITER}", WRITER, writer(), settings.epochs, ttl=WRITER_TOKEN_TTL)
        self.writer = Output.secret(
            Output.all(*logins, mount.path).apply(
                lambda parts: json.dumps({"role_id": parts[0], "secret_id": parts[1]})
            )
        )
        self.register_outputs({})

    def _approle(
        self,
        name: str,
        role_name: str,
        policy_text: str,
        epochs: Sequence[str],
        *,
        period: int | None = None,
        ttl: int | None = None,
    ) -> tuple[Output[str], Output[str]]:
        """Create an approle with one policy. Returns its role id, and its secret id of the first epoch.

        Its token is renewable without a limit within each `period`, or expires after `ttl` (seconds).
        """
        policy = vault.Policy(name, name=role_name, policy=policy_text, opts=self.child)
        role = vault.approle.AuthBackendRole(
            name,
            backend=self.backend.path,
            role_name=role_name,
            bind_secret_id=True,
            token_policies=[policy.name],
            secret_id_num_uses=0,
            token_num_uses=0,
            token_period=period,
            token_ttl=ttl,
            opts=self.child,
        )
        ids = [
            vault.approle.AuthBackendRoleSecretId(
                f"{name}-{epoch}",
                backend=role.backend,
                role_name=role.role_name,
                metadata=json.dumps({"rotation": epoch}),
                opts=self.child,
            )
            for epoch in epochs
        ]
        return Output.secret(role.role_id), Output.secret(ids[0].secret_id)
