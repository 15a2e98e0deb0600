"""Vault, which holds the secrets that pipelines use. It comes up here; who may do what is made later."""

from collections.abc import Sequence
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure.key_vault import Seal
from components.certificates.internal_ca import server_certificate
from components.component import Component
from components.kubernetes.charts import Chart
from components.kubernetes.context import CaTrust
from components.kubernetes.helm import ready, release
from components.vault.settings import VaultServerSettings
from components.vault.values import FILES, HOSTS, configuration, values


class Vault(Component):
    """Servers that unseal themselves; without content until they are initialised."""

    pods: Output[Sequence[str]]
    """Names of the servers; known once they run."""
    certificate: Output[str]
    """The Secret with the servers' certificate and, as `ca.crt`, the CA's."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: VaultServerSettings,
        *,
        chart: Chart,
        namespace: Output[str],
        trust: CaTrust,
        consul: Output[str],
        token: Input[str],
        seal: Seal,
        identity: Input[str],
        disks: Input[str],
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`consul` is its address, `token` for it; `identity` is the client id that may use the key."""
        super().__init__(name, opts)
        self.certificate = server_certificate(
            f"{name}-server-tls", trust, namespace=namespace, hosts=HOSTS, parent=self
        )
        storage = k8s.core.v1.Secret(
            f"{name}-consul-token",
            metadata={"name": f"{name}-consul-token", "namespace": namespace},
            string_data={"token": token},
            opts=self.child,
        )
        keeper = k8s.core.v1.ConfigMap(
            f"{name}-keeper",
            metadata={"name": f"{name}-keeper", "namespace": namespace},
            data={
                "vault_keeper.py": (Path(__file__).parent / "jobs" / "vault_keeper.py").read_text(
                    encoding="utf-8"
                )
            },
            opts=self.child,
        )
        servers = release(
            name,
            chart,
            namespace=namespace,
            values=values(
                settings,
                config=consul.apply(configuration),
                environment={
                    "AZURE_TENANT_ID": seal.tenant,
                    "VAULT_AZUREKEYVAULT_VAULT_NAME": seal.vault,
                    "VAULT_AZUREKEYVAULT_KEY_NAME": seal.key,
                    "VAULT_CACERT": f"{FILES}/ca.crt",
                },
                certificate=self.certificate,
                token=storage.metadata.name,
                keeper=keeper.metadata.name,
                identity=identity,
                disks=disks,
            ),
            opts=ResourceOptions(parent=self, protect=protected),
            timeout=900,
        )
        self.pods = ready(servers, [f"{name}-{index}" for index in range(settings.replicas)])
        self.register_outputs({"pods": self.pods})
