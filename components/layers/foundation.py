"""Everything in Azure: network, cluster, database, storage, Key Vault, DNS and workload identities."""

import pulumi
import pulumi_azure_native as azure
from pulumi import ResourceOptions

from components.azure import KeyVault, ResourceGroups, Role, Storage, WorkloadIdentity
from components.azure.aks import Cluster
from components.azure.identity import BACKUP_ACCOUNT, CERT_MANAGER_ACCOUNT, VAULT_ACCOUNT, VAULT_INIT_ACCOUNT
from components.azure.network import DnsRecords, DnsZone, IngressPublicIp, Network
from components.azure.postgres import Database
from components.azure.settings import azure_tags
from components.component import Component
from components.settings import Settings


class Foundation(Component):
    """The Azure resources that the cluster's services need."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.azure_provider = _provider("azure", settings, settings.azure.subscription_id)
        # An existing DNS zone can be in another subscription.
        self.dns_provider = _provider("azure-dns", settings, settings.dns.parent_subscription)
        super().__init__(name, ResourceOptions(providers=[self.azure_provider]))
        stack, tenant = pulumi.get_stack(), settings.azure.tenant_id
        self.groups = ResourceGroups(
            "groups",
            location=settings.azure.location,
            tags=azure_tags(settings.tags, stack),
            protected=settings.protected,
            opts=self.child,
        )
        compute, stateful = self.groups.compute, self.groups.stateful
        network = Network("network", settings.network, compute=compute, stateful=stateful, opts=self.child)
        self.egress = network.egress
        clients = [network.nodes]
        # Azure admits one service at a time to a network, and calls the network "Updating" meanwhile.
        # Whatever starts in this state fails (Azure/azure-rest-api-specs#11143, Azure/AKS#4522).
        self.storage = Storage(
            "storage", settings.storage, context=stateful, clients=clients, opts=self.child
        )
        self.key_vault = KeyVault(
            "keys",
            settings.key_vault,
            context=stateful,
            tenant=tenant,
            clients=clients,
            previous=[self.storage.last],
            opts=self.child,
        )
        self.cluster = Cluster(
            "cluster",
            settings.cluster,
            context=compute,
            subnet=network.nodes,
            egress=network.egress,
            tenant=tenant,
            previous=[self.key_vault.resource],
            opts=self.child,
        )
        self.database = Database(
            "database",
            settings.database,
            database=settings.database.name or f"concourse-{stack}",
            context=stateful,
            subnet=network.database,
            zone=network.database_zone,
            clients=network.egress.addresses,
            previous=[self.key_vault.resource],
            opts=self.child,
        )
        self.dns = DnsZone(
            "dns", settings.dns, context=stateful, parent_provider=self.dns_provider, opts=self.child
        )
        self.address = IngressPublicIp(
            "ingress", context=stateful, principal=self.cluster.principal, opts=self.child
        )
        self.dns_records = DnsRecords(
            "records",
            zone=self.dns.zone,
            address=self.address.address,
            hosts=settings.ingress.hosts.labels(),
            provider=self.dns_provider if settings.dns.zone_id else self.azure_provider,
            opts=self.child,
        )
        self.identities = {
            account.name: WorkloadIdentity(
                account.name,
                context=compute,
                issuer=self.cluster.oidc_issuer,
                accounts=[account],
                roles={role: scope},
                opts=self.child,
            )
            for account, role, scope in (
                (VAULT_INIT_ACCOUNT, Role.KEY_VAULT_SECRETS_OFFICER, self.key_vault.recovery),
                (VAULT_ACCOUNT, Role.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER, self.key_vault.key),
                (CERT_MANAGER_ACCOUNT, Role.DNS_ZONE_CONTRIBUTOR, self.dns.zone),
                (BACKUP_ACCOUNT, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, self.storage.backups.scope),
            )
        }
        self.register_outputs({})


def _provider(name: str, settings: Settings, subscription: str) -> azure.Provider:
    return azure.Provider(
        name,
        subscription_id=subscription,
        tenant_id=settings.azure.tenant_id,
        location=settings.azure.location,
    )
