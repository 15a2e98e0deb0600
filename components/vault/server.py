"""Vault's servers. `init` initialises them, `approles` configures them."""

from collections.abc import Sequence
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure import Seal
from components.certificates import server_certificate
from components.component import Component
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import ready, release
from components.kubernetes.job import checksum
from components.kubernetes.secret import secret
from components.vault.settings import VaultServerSettings
from components.vault.values import DNS_NAMES, TLS_FOLDER, configuration, values

KEEPER = Path(__file__).parent / "jobs" / "vault_keeper.py"


class Vault(Component):
    """Vault servers with auto-unseal. They serve requests only after their initialisation."""

    release: k8s.helm.v3.Release
    pods: Output[Sequence[str]]
    """Names of the pods; known once they run."""
    certificate: Output[str]
    """Name of the Secret with the servers' certificate, and with the CA's certificate as `ca.crt`."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: VaultServerSettings,
        ctx: ClusterContext,
        *,
        consul: Output[str],
        consul_token: Input[str],
        proxies: str,
        seal: Seal,
        client_id: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`consul` is Consul's `host:port`, `client_id` an identity that may use the key of `seal`.

        `proxies` is the range of the addresses of Traefik's pods.
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["vault"]
        self.certificate = server_certificate(
            f"{name}-server-tls", ctx.trust, namespace=namespace, hosts=DNS_NAMES, parent=self
        )
        token = secret(f"{name}-consul-token", {"token": consul_token}, namespace=namespace, parent=self)
        keeper = k8s.core.v1.ConfigMap(
            f"{name}-keeper",
            metadata={"name": f"{name}-keeper", "namespace": namespace},
            data={KEEPER.name: KEEPER.read_text(encoding="utf-8")},
            opts=self.child,
        )
        servers = release(
            name,
            ctx.charts["vault"],
            namespace=namespace,
            values=values(
                settings,
                config=consul.apply(lambda address: configuration(address, proxies=proxies)),
                environment={
                    "AZURE_TENANT_ID": seal.tenant,
                    "VAULT_AZUREKEYVAULT_VAULT_NAME": seal.vault,
                    "VAULT_AZUREKEYVAULT_KEY_NAME": seal.key,
                    "VAULT_CACERT": f"{TLS_FOLDER}/ca.crt",
                },
                certificate=self.certificate,
                token=token,
                token_checksum=checksum(consul_token),
                keeper=keeper.metadata.name,
                client_id=client_id,
                disks=ctx.disks.retain,
            ),
            opts=ResourceOptions(parent=self, protect=ctx.protected),
            timeout=900,
        )
        self.release = servers
        self.pods = ready(servers, [f"{name}-{index}" for index in range(settings.replicas)])
        self.register_outputs({"pods": self.pods})
