"""Consul, the storage of Vault. Nothing else uses it."""

import json
from collections.abc import Mapping
from pathlib import Path

from pulumi import Output, ResourceOptions

from components.certificates import ca_bundle, server_certificate
from components.component import Component, after
from components.kubernetes import generated_secrets as generated
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum, python_job
from components.kubernetes.secret import secret
from components.vault.consul_values import DNS_NAMES, PORT, SERVICE, values
from components.vault.settings import ConsulSettings

JOBS = Path(__file__).parent / "jobs"

POLICIES = {
    # From developer.hashicorp.com/vault/docs/configuration/storage/consul, without the service permissions:
    # here Vault registers no service.
    "vault": 'key_prefix "vault/" { policy = "write" } session_prefix "" { policy = "write" } '
    'agent_prefix "" { policy = "read" }',
    "vault-init": 'key_prefix "vault/" { policy = "write" } key_prefix "vault-init/" { policy = "write" } '
    'session_prefix "" { policy = "write" }',
    "metrics": 'agent_prefix "" { policy = "read" }',
    # A snapshot contains all tokens, so it requires the permission to write tokens.
    "backup": 'acl = "write"',
}
"""ACL policy of each token, by name."""


class Consul(Component):
    """Consul servers with ACLs, gossip encryption and TLS, and a token for each policy."""

    url: Output[str]
    """URL; known once the tokens are registered."""
    address: Output[str]
    """`host:port`, with TLS; known once the tokens are registered."""
    tokens: Mapping[str, Output[str]]
    """Tokens by policy name, of the current epoch; secret. Known once they are registered."""

    def __init__(
        self,
        name: str,
        settings: ConsulSettings,
        ctx: ClusterContext,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace = ctx.namespaces["consul"]
        bootstrap = generated.random_uuid(f"{name}-bootstrap", parent=self)
        made = {
            (policy, epoch): generated.random_uuid(f"{name}-{policy}-{epoch}", parent=self)
            for policy in POLICIES
            for epoch in settings.epochs
        }
        gossip = {"key": generated.random_key(f"{name}-gossip", parent=self)}
        certificate = server_certificate(
            f"{name}-server-tls", ctx.trust, namespace=namespace, hosts=DNS_NAMES, parent=self
        )
        servers = release(
            name,
            ctx.charts["consul"],
            namespace=namespace,
            values=values(
                settings,
                certificate=certificate,
                gossip=secret(f"{name}-gossip", gossip, namespace=namespace, parent=self),
                bootstrap=secret(f"{name}-bootstrap", {"token": bootstrap}, namespace=namespace, parent=self),
                disks=ctx.disks.retain,
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
            timeout=900,
        )
        tokens = {
            "bootstrap": bootstrap,
            **{f"{policy}-{epoch}": made[policy, epoch] for policy, epoch in made},
        }
        registered = python_job(
            f"{name}-acl",
            namespace=ready(servers, namespace),
            script=JOBS / "consul_acl.py",
            environment={
                "CONSUL_URL": f"https://{SERVICE}.consul.svc:{PORT}",
                "POLICIES": json.dumps(POLICIES, sort_keys=True),
                "EPOCHS": " ".join(settings.epochs),
            },
            secrets=secret(f"{name}-tokens", tokens, namespace=namespace, parent=self),
            checksum=checksum(*tokens.values()),
            ca=ca_bundle(f"{name}-ca", ctx.trust, namespace=namespace, parent=self),
            parent=self,
        )
        # Nobody gets a token that Consul does not know yet.
        self.tokens = {policy: after(made[policy, settings.rotation], registered) for policy in POLICIES}
        self.url = registered.apply(lambda _: f"https://{SERVICE}.consul.svc:{PORT}")
        self.address = registered.apply(lambda _: f"{SERVICE}.consul.svc:{PORT}")
        self.register_outputs({"address": self.address})
