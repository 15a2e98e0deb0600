"""Consul, which keeps what Vault stores. Nothing else uses it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.certificates.internal_ca import ca_bundle, server_certificate
from components.component import Component
from components.kubernetes import generated_secrets as generated
from components.kubernetes.charts import Chart
from components.kubernetes.context import CaTrust
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum, python_job
from components.vault.consul_values import HOSTS, PORT, SERVICE, values
from components.vault.settings import ConsulSettings

JOBS = Path(__file__).parent / "jobs"

POLICIES = {
    # developer.hashicorp.com/vault/docs/configuration/storage/consul, without the service that Vault does
    # not register here.
    "vault": 'key_prefix "vault/" { policy = "write" } session_prefix "" { policy = "write" } '
    'agent_prefix "" { policy = "read" }',
    "vault-init": 'key_prefix "vault/" { policy = "write" } key_prefix "vault-init/" { policy = "write" } '
    'session_prefix "" { policy = "write" }',
    "metrics": 'agent_prefix "" { policy = "read" }',
    # Only who may write tokens may take a snapshot, which has them all in it.
    "backup": 'acl = "write"',
}
"""What each token may do, by its name."""


class Consul(Component):
    """Servers with ACLs, a gossip key and TLS; tokens known beforehand and registered."""

    url: Output[str]
    """Known once the tokens are registered."""
    address: Output[str]
    """`host:port`, with TLS; known once the tokens are registered."""
    tokens: Mapping[str, Output[str]]
    """By name of their policy; secret."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: ConsulSettings,
        *,
        chart: Chart,
        namespace: Output[str],
        trust: CaTrust,
        disks: Input[str],
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`disks` is the storage class; the release holds data, and is protected where the stack says so."""
        super().__init__(name, opts)
        bootstrap = generated.random_uuid(f"{name}-bootstrap", parent=self)
        self.tokens = {policy: generated.random_uuid(f"{name}-{policy}", parent=self) for policy in POLICIES}

        def secret(called: str, data: Mapping[str, Input[str]]) -> Output[str]:
            made = k8s.core.v1.Secret(
                called, metadata={"name": called, "namespace": namespace}, string_data=data, opts=self.child
            )
            made_name: Output[str] = made.metadata.name
            return made_name

        certificate = server_certificate(
            f"{name}-server-tls", trust, namespace=namespace, hosts=HOSTS, parent=self
        )
        servers = release(
            name,
            chart,
            namespace=namespace,
            values=values(
                settings,
                certificate=certificate,
                gossip=secret(f"{name}-gossip", {"key": generated.random_key(f"{name}-gossip", parent=self)}),
                bootstrap=secret(f"{name}-bootstrap", {"token": bootstrap}),
                disks=disks,
            ),
            opts=ResourceOptions(parent=self, protect=protected),
            timeout=900,
        )
        tokens = {"bootstrap": bootstrap, **self.tokens}
        registered = python_job(
            f"{name}-acl",
            namespace=ready(servers, namespace),
            script=JOBS / "consul_acl.py",
            environment={
                "CONSUL_URL": f"https://{SERVICE}.consul.svc:{PORT}",
                "POLICIES": json.dumps(POLICIES, sort_keys=True),
            },
            secrets=secret(f"{name}-tokens", tokens),
            checksum=checksum(*tokens.values()),
            ca=ca_bundle(f"{name}-ca", trust, namespace=namespace, parent=self),
            parent=self,
        )
        self.url = registered.apply(lambda _: f"https://{SERVICE}.consul.svc:{PORT}")
        self.address = registered.apply(lambda _: f"{SERVICE}.consul.svc:{PORT}")
        self.register_outputs({"address": self.address})
