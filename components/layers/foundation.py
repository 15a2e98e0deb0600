"""Everything in Azure: network, cluster, database, storage, Key Vault, DNS and workload identities."""

from collections.abc import Mapping

import pulumi
import pulumi_azure_native as azure
from pulumi import Output, ResourceOptions

from components.azure import KeyVault, ResourceGroups, Role, Storage, WorkloadIdentity
from components.azure.aks import Cluster, proxy
from components.azure.identity import BACKUP_ACCOUNT, CERT_MANAGER_ACCOUNT, VAULT_ACCOUNT, VAULT_INIT_ACCOUNT
from components.azure.monitor import (
    CLUSTER,
    DATABASE,
    GATEWAY,
    KEY_VAULT,
    AzureAlerts,
    Diagnostics,
    Metric,
    of_database,
)  # fmt: skip
from components.azure.network import DnsRecords, DnsZone, IngressPublicIp, Network
from components.azure.postgres import Database, DatabaseServer, existing_server
from components.azure.settings import azure_tags
from components.component import Component
from components.settings import Settings


class Foundation(Component):
    """The Azure resources that the cluster's services need."""

    database: DatabaseServer

    def __init__(self, name: str, settings: Settings, *, given: Mapping[str, Output[str]]) -> None:
        """`given` are secrets by key, among them the password of a database that is there already."""
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
            "storage",
            settings.storage,
            context=stateful,
            clients=clients,
            charts=settings.chartmuseum.enabled,
            backups=settings.vault.enabled,
            opts=self.child,
        )
        self.key_vault = KeyVault(
            "keys",
            settings.key_vault,
            context=stateful,
            tenant=tenant,
            clients=clients,
            previous=self.storage.accounts[-1:],
            unseals=settings.vault.enabled,
            opts=self.child,
        )
        self.cluster = Cluster(
            "cluster",
            settings.cluster,
            context=compute,
            subnet=network.nodes,
            network=network.id,
            egress=network.egress,
            tenant=tenant,
            proxy=proxy(settings.proxy.url, settings.direct, settings.proxy.trusted_ca)
            if settings.proxy
            else None,
            previous=[self.key_vault.resource],
            opts=self.child,
        )
        database, existing = settings.database_name(stack), settings.database.existing
        logs = {"cluster": (self.cluster.id, CLUSTER), "keys": (self.key_vault.resource.id, KEY_VAULT)}
        watched: dict[str, tuple[Output[str], Mapping[str, Metric]]] = {}
        if network.egress.gateway:
            watched["egress"] = network.egress.gateway, GATEWAY
        if existing:
            self.database = existing_server(
                settings.database, existing, database=database, password=given["databasePassword"]
            )
        else:
            own = Database(
                "database",
                settings.database,
                database=database,
                context=stateful,
                group=self.groups.stateful_id,
                subnet=network.database,
                zone=network.database_zone,
                clients=network.egress.addresses,
                previous=[self.key_vault.resource],
                opts=self.child,
            )
            self.database = own.server
            logs["database"] = own.id, DATABASE
            watched["database"] = own.id, of_database(settings.database)
        if settings.logging.workspace_id or settings.logging.workspace.enabled:
            Diagnostics(
                "diagnostics",
                settings.logging.workspace,
                settings.logging.workspace_id,
                context=stateful,
                logs=logs,
                opts=self.child,
            )
        if settings.monitoring.azure_monitor.receivers and watched:
            AzureAlerts(
                "alerts",
                settings.monitoring.azure_monitor,
                context=stateful,
                stack=stack,
                runbooks=settings.monitoring.prometheus.runbooks,
                webhook=given.get("azureAlertWebhook"),
                watched=watched,
                opts=self.child,
            )
        self.dns = DnsZone(
            "dns", settings.dns, context=stateful, parent_provider=self.dns_provider, opts=self.child
        )
        self.public_ip, inside = None, settings.ingress.internal_address
        if inside:
            self.address = Output.from_input(str(settings.ingress.published_address or inside))
        else:
            self.public_ip = IngressPublicIp(
                "ingress", context=stateful, principal=self.cluster.principal, opts=self.child
            )
            self.address = self.public_ip.address
        self.dns_records = DnsRecords(
            "records",
            zone=self.dns.zone,
            address=self.address,
            hosts=settings.host_labels,
            provider=self.dns_provider if settings.dns.zone_id else self.azure_provider,
            opts=self.child,
        )
        accounts = [(CERT_MANAGER_ACCOUNT, Role.DNS_ZONE_CONTRIBUTOR, self.dns.zone)]
        if settings.vault.enabled:
            accounts += [
                (VAULT_INIT_ACCOUNT, Role.KEY_VAULT_SECRETS_OFFICER, self.key_vault.recovery),
                (VAULT_ACCOUNT, Role.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER, self.key_vault.key),
                (BACKUP_ACCOUNT, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, self.storage.backups.scope),
            ]
        self.identities = {
            account.name: WorkloadIdentity(
                account.name,
                context=compute,
                issuer=self.cluster.oidc_issuer,
                accounts=[account],
                roles={role: scope},
                opts=self.child,
            )
            for account, role, scope in accounts
        }
        self.register_outputs({})


def _provider(name: str, settings: Settings, subscription: str) -> azure.Provider:
    return azure.Provider(
        name,
        subscription_id=subscription,
        tenant_id=settings.azure.tenant_id,
        location=settings.azure.location,
    )
