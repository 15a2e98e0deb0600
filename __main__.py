"""The platform, top to bottom."""

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as kubernetes

from components.address import Address
from components.charts import pinned
from components.cluster import Cluster
from components.database import Database
from components.dns import Dns
from components.flows import Outside
from components.given_secrets import GivenSecretsError, given_secrets
from components.groups import Groups
from components.identity import BACKUP, CERT_MANAGER, VAULT, WorkloadIdentity
from components.key_vault import KeyVault
from components.metrics import Metrics
from components.namespaces import Namespaces
from components.network import Network
from components.roles import Role
from components.settings import Settings, SettingsError, azure_tags
from components.storage import Storage
from components.storage_classes import StorageClasses

config = pulumi.Config()
stack = pulumi.get_stack()
try:
    settings, given = Settings.load(config), given_secrets(config)
except (SettingsError, GivenSecretsError) as problems:
    raise pulumi.RunError(str(problems)) from None  # without a traceback

cloud = azure.Provider(
    "azure",
    subscription_id=settings.azure.subscription_id,
    tenant_id=settings.azure.tenant_id,
    location=settings.azure.location,
)
on_azure = pulumi.ResourceOptions(providers=[cloud])
given_zone = azure.Provider(
    "azure-dns",  # a zone that exists can be in another subscription
    subscription_id=settings.dns.given_subscription,
    tenant_id=settings.azure.tenant_id,
    location=settings.azure.location,
)

groups = Groups(
    "groups",
    location=settings.azure.location,
    tags=azure_tags(settings.tags, stack),
    protected=settings.protected,
    opts=on_azure,
)
network = Network(
    "network",
    settings.network,
    compute=groups.compute,
    stateful=groups.stateful,
    opts=on_azure,
)
cluster = Cluster(
    "cluster",
    settings.cluster,
    place=groups.compute,
    subnet=network.nodes,
    egress=network.egress,
    tenant=settings.azure.tenant_id,
    opts=on_azure,
)
database = Database(
    "database",
    settings.database,
    database=settings.database.name or f"concourse-{stack}",
    place=groups.stateful,
    subnet=network.database,
    zone=network.database_zone,
    clients=network.egress.addresses,
    opts=on_azure,
)
storage = Storage(
    "storage",
    settings.storage,
    place=groups.stateful,
    clients=[network.nodes],
    opts=on_azure,
)
keys = KeyVault(
    "keys",
    settings.key_vault,
    place=groups.stateful,
    tenant=settings.azure.tenant_id,
    clients=[network.nodes],
    opts=on_azure,
)
dns = Dns("dns", settings.dns, place=groups.stateful, given=given_zone, opts=on_azure)
ingress = Address("ingress", place=groups.stateful, user=cluster.principal, opts=on_azure)
identities = {
    account.name: WorkloadIdentity(
        account.name,
        place=groups.compute,
        issuer=cluster.oidc_issuer,
        accounts=[account],
        roles={role: scope},
        opts=on_azure,
    )
    for account, role, scope in (
        (VAULT, Role.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER, keys.key),
        (CERT_MANAGER, Role.DNS_ZONE_CONTRIBUTOR, dns.zone),
        (BACKUP, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, storage.backups_container),
    )
}

in_cluster = kubernetes.Provider(
    "kubernetes",
    kubeconfig=cluster.kubeconfig,
    # By this the provider tells one cluster from another; without it, by a kubeconfig that
    # not every preview knows. A change here replaces everything in the cluster.
    cluster_identifier=f"{pulumi.get_project()}-{stack}",
    enable_config_map_mutable=True,
    enable_secret_mutable=True,
)
on_kubernetes = pulumi.ResourceOptions(providers=[in_cluster])
on_both = pulumi.ResourceOptions(providers=[cloud, in_cluster])
charts = pinned(settings.charts)

namespaces = Namespaces(
    "namespaces",
    protected=settings.protected,
    outside={Outside.DATABASE: settings.database_ranges},
    opts=on_kubernetes,
)
classes = StorageClasses(
    "storage-classes",
    place=groups.stateful,
    group=groups.stateful_id,
    user=cluster.principal,
    opts=on_both,
)
metrics = Metrics(
    "metrics",
    settings.metrics,
    charts=charts,
    namespace=namespaces["monitoring"],
    agents=namespaces["node-agents"],
    disk=classes.retain,
    webhook=given["slackWebhook"],
    protected=settings.protected,
    opts=on_kubernetes,
)

pulumi.export("cluster", cluster.name)
pulumi.export("oidc_issuer", cluster.oidc_issuer)
pulumi.export("database_host", database.host)
pulumi.export("database_name", database.name)
pulumi.export("ingress_address", ingress.address)
pulumi.export("dns_zone", dns.name)
pulumi.export("key_vault", keys.name)
pulumi.export("unseal_key", keys.key_name)
pulumi.export("charts_account", storage.charts_account)
pulumi.export("backups_account", storage.backups_account)
pulumi.export("client_ids", {name: identity.client_id for name, identity in identities.items()})
pulumi.export("egress_addresses", pulumi.Output.all(*network.egress.addresses))
