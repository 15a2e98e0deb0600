"""What is in Vault: the secrets' mount, and how Concourse logs in to read them."""

import json
from collections.abc import Iterable, Iterator

import pulumi_vault as vault
from pulumi import ComponentResource, Output, ResourceOptions

from components.model import Check, Epoch, Model, Problem
from components.vault_policies import CONCOURSE, MOUNT, concourse

PERIOD = 3600
"""Seconds of Concourse's token; it renews it at half of them, without an end."""


class CredentialsSettings(Model):
    """How Concourse logs in to Vault."""

    rotation: Epoch = "2026-11"
    """When its secret id was made. To rotate, move it, and name the one before in `previous`."""
    previous: Epoch | None = None
    """An older one that is still taken: web nodes that have not restarted log in by it again after a break.
    Leave it out in a later update, when all of them have."""

    def checks(self) -> Iterable[Check]:
        return (self._previous_is_older,)

    def _previous_is_older(self) -> Iterator[Problem]:
        if self.previous and self.previous >= self.rotation:
            text = f"{self.previous} is not before {self.rotation}; name the epoch before it, or leave it out"
            yield Problem("previous", text)


class Credentials(ComponentResource):
    """The mount `secret/`, and the approle `concourse` that reads its own subtree of it."""

    role_id: Output[str]
    secret_id: Output[str]
    approle: Output[str]
    """How Concourse takes both: `role_id:…,secret_id:…`. Secret."""

    def __init__(
        self,
        name: str,
        settings: CredentialsSettings,
        *,
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("platform:index:Credentials", name, None, opts)
        child = ResourceOptions(parent=self)
        mount = vault.Mount(
            f"{name}-{MOUNT}",
            path=MOUNT,
            type="kv",
            options={"version": "2"},
            description="Secrets of pipelines",
            # Pulumi's own policy has no right to delete it: a stack's destroy leaves it with Vault.
            opts=ResourceOptions(parent=self, protect=protected, retain_on_delete=True),
        )
        policy = vault.Policy(f"{name}-{CONCOURSE}", name=CONCOURSE, policy=concourse(), opts=child)
        backend = vault.AuthBackend(f"{name}-approle", type="approle", path="approle", opts=child)
        role = vault.approle.AuthBackendRole(
            f"{name}-{CONCOURSE}",
            backend=backend.path,
            role_name=CONCOURSE,
            bind_secret_id=True,
            token_policies=[policy.name],
            token_period=PERIOD,
            # Every web node logs in by the same secret id, at each of its starts.
            secret_id_num_uses=0,
            token_num_uses=0,
            opts=child,
        )
        ids = {
            epoch: vault.approle.AuthBackendRoleSecretId(
                f"{name}-{CONCOURSE}-{epoch}",
                backend=role.backend,
                role_name=role.role_name,
                metadata=json.dumps({"rotation": epoch}),
                opts=child,
            )
            for epoch in (settings.rotation, settings.previous)
            if epoch
        }
        self.role_id = Output.secret(role.role_id)
        self.secret_id = Output.secret(ids[settings.rotation].secret_id)
        self.approle = Output.secret(
            Output.all(self.role_id, self.secret_id, mount.path).apply(
                lambda parts: f"role_id:{parts[0]},secret_id:{parts[1]}"
            )
        )
        self.register_outputs({})
