"""Secrets for pipelines: Vault on Consul, with its initialization, AppRoles and backups."""

import pulumi_vault as hashicorp
from pulumi import Output, ResourceOptions

from components.azure import key_vault_secret
from components.component import Component, after
from components.concourse import VaultLogin
from components.ingress import Tls, publish
from components.kubernetes.network_policies import VAULT_PORT
from components.layers.cluster_services import ClusterServices
from components.layers.foundation import Foundation
from components.settings import Settings
from components.vault import ACTIVE, Consul, ConsulBackup, Vault, VaultAppRoles, VaultInit


class Secrets(Component):
    """Vault, ready for Concourse's logins."""

    consul_token: Output[str]
    """Consul token for scraping metrics."""
    concourse_login: VaultLogin
    """Concourse's login to Vault."""

    def __init__(
        self, name: str, settings: Settings, foundation: Foundation, cluster: ClusterServices
    ) -> None:
        super().__init__(
            name, ResourceOptions(providers=[cluster.kubernetes_provider, foundation.azure_provider])
        )
        ctx, keys, chosen = cluster.context, foundation.key_vault, settings.vault
        client_ids = {account: identity.client_id for account, identity in foundation.identities.items()}
        consul = Consul("consul", chosen.consul, ctx, opts=self.child)
        ConsulBackup(
            "consul-backup",
            chosen.backups,
            ctx,
            client_id=client_ids["backup"],
            container=foundation.storage.backups.url,
            consul=consul.url,
            consul_token=consul.tokens["backup"],
            opts=self.child,
        )
        vault = Vault(
            "vault",
            chosen.server,
            ctx,
            consul=consul.address,
            consul_token=consul.tokens["vault"],
            proxies=str(settings.cluster.pod_range),
            seal=keys.seal,
            client_id=client_ids["vault"],
            opts=self.child,
        )
        init = VaultInit(
            "vault-init",
            chosen.operator,
            vault,
            ctx,
            consul=consul.url,
            consul_token=consul.tokens["vault-init"],
            seal=keys.seal,
            client_id=client_ids["vault-init"],
            opts=self.child,
        )
        url = publish(
            "vault",
            ctx.hosts["vault"],
            namespace=ctx.namespaces["vault"],
            service="vault-active",
            port=VAULT_PORT,
            tls=Tls(vault.certificate, ACTIVE),
            parent=vault,
        )
        provider = hashicorp.Provider(
            "vault",
            address=after(url, init.done),
            auth_login_userpass=hashicorp.ProviderAuthLoginUserpassArgs(
                username=init.user, password=init.password
            ),
            skip_child_token=True,  # its policy does not allow it to create one
            skip_tls_verify=not settings.certificates.trusted,
        )
        app_roles = VaultAppRoles(
            "app-roles",
            chosen.app_roles,
            servers=vault.release,
            protected=ctx.protected,
            opts=ResourceOptions(parent=self, providers=[provider]),
        )
        key_vault_secret(
            "vault-writer",
            app_roles.writer,
            context=foundation.groups.stateful,
            vault=keys.name,
            content_type="AppRole login for writing Concourse's secrets",
            parent=self,
        )
        self.consul_token = consul.tokens["metrics"]
        self.concourse_login = VaultLogin(
            f"https://{ACTIVE}:{VAULT_PORT}", ACTIVE, ctx.trust.ca_pem, app_roles.approle
        )
        self.register_outputs({})
