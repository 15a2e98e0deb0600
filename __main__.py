"""The platform, top to bottom."""

import pulumi
import pulumi_azure_native as azure
import pulumi_azuread as azuread
import pulumi_kubernetes as kubernetes
import pulumi_vault as hashicorp

from components.azure.aks.cluster import Cluster
from components.azure.deployers import Deployers
from components.azure.identity import BACKUP, CERT_MANAGER, VAULT, VAULT_INIT, WorkloadIdentity
from components.azure.key_vault import KeyVault, key_vault_secret
from components.azure.network.dns_records import DnsRecords
from components.azure.network.dns_zone import DnsZone
from components.azure.network.network import Network
from components.azure.network.public_ip import IngressPublicIp
from components.azure.postgres.server import Database
from components.azure.resource_groups import ResourceGroups
from components.azure.roles import Role
from components.azure.settings import azure_tags
from components.azure.storage import Storage
from components.certificates.acme import AcmeIssuers
from components.certificates.cert_manager import CertManager
from components.certificates.internal_ca import InternalCA
from components.chartmuseum.chartmuseum import ChartMuseum
from components.chartmuseum.values import Container
from components.concourse.database_role import DatabaseRole
from components.concourse.keys import ConcourseKeys
from components.concourse.local_users import LocalUsers
from components.concourse.team_members import team_config
from components.concourse.team_settings import MAIN
from components.concourse.teams import Teams
from components.concourse.web import API_PORT, IDENTITY_TOKEN_PATHS, Concourse
from components.concourse.web_secret import VaultLogin
from components.concourse.workers import Workers
from components.config.protection import unprotect
from components.config.secrets import MissingSecretsError, required_secrets
from components.entra.directory import Entra
from components.ingress.route import Host, Tls, publish
from components.ingress.traefik import Traefik
from components.kubernetes.charts import pinned
from components.kubernetes.namespaces import Namespaces
from components.kubernetes.network_policies import PUBLIC, VAULT_PORT, External
from components.kubernetes.storage_classes import StorageClasses
from components.logging.elastalert import ElastAlert
from components.logging.elasticsearch import Elasticsearch
from components.monitoring.grafana import Grafana
from components.monitoring.influxdb import InfluxDb
from components.monitoring.pod_monitors import PodMonitors
from components.monitoring.prometheus import Prometheus
from components.settings import Settings, SettingsError
from components.vault.approles import VaultAppRoles
from components.vault.consul import Consul
from components.vault.consul_backup import ConsulBackup
from components.vault.init import VaultInit
from components.vault.server import Vault
from components.vault.values import ACTIVE

config = pulumi.Config()
stack = pulumi.get_stack()
try:
    settings, given = Settings.load(config), required_secrets(config)
except (SettingsError, MissingSecretsError) as problems:
    raise pulumi.RunError(str(problems)) from None  # without a traceback
unprotect(settings.replaceable)
charts = pinned(settings.charts)
hosts = settings.hosts.within(settings.dns.name)

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
tenant = azuread.Provider("entra", tenant_id=settings.azure.tenant_id)

groups = ResourceGroups(
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
    context=groups.compute,
    subnet=network.nodes,
    egress=network.egress,
    tenant=settings.azure.tenant_id,
    opts=on_azure,
)
database = Database(
    "database",
    settings.database,
    database=settings.database.name or f"concourse-{stack}",
    context=groups.stateful,
    subnet=network.database,
    zone=network.database_zone,
    clients=network.egress.addresses,
    opts=on_azure,
)
storage = Storage(
    "storage",
    settings.storage,
    context=groups.stateful,
    clients=[network.nodes],
    opts=on_azure,
)
keys = KeyVault(
    "keys",
    settings.key_vault,
    context=groups.stateful,
    tenant=settings.azure.tenant_id,
    clients=[network.nodes],
    opts=on_azure,
)
dns = DnsZone("dns", settings.dns, context=groups.stateful, given=given_zone, opts=on_azure)
address = IngressPublicIp("ingress", context=groups.stateful, user=cluster.principal, opts=on_azure)
identities = {
    account.name: WorkloadIdentity(
        account.name,
        context=groups.compute,
        issuer=cluster.oidc_issuer,
        accounts=[account],
        roles={role: scope},
        opts=on_azure,
    )
    for account, role, scope in (
        (VAULT_INIT, Role.KEY_VAULT_SECRETS_OFFICER, keys.recovery),
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

namespaces = Namespaces(
    "namespaces",
    protected=settings.protected,
    outside={External.DATABASE: settings.database_ranges},
    opts=on_kubernetes,
)
classes = StorageClasses(
    "storage-classes",
    context=groups.stateful,
    group=groups.stateful_id,
    user=cluster.principal,
    opts=on_both,
)
metrics = Prometheus(
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
certificates = CertManager(
    "cert-manager",
    settings.certificates,
    chart=charts["cert-manager"],
    namespace=namespaces["cert-manager"],
    monitors=metrics.monitors,
    opts=on_kubernetes,
)
ingress = Traefik(
    "ingress",
    settings.ingress,
    chart=charts["traefik"],
    namespace=namespaces["ingress"],
    namespaces=[namespaces[name] for name in PUBLIC],
    address=address.name,
    group=address.group,
    monitors=metrics.monitors,
    answers=settings.certificates.solver == "http01",
    opts=on_kubernetes,
)
records = DnsRecords(
    "records",
    zone=dns.zone,
    address=address.address,
    hosts=settings.hosts.labels(),
    provider=given_zone if settings.dns.zone_id else cloud,
    opts=on_azure,
)
reached = pulumi.Output.all(ingress.kinds, records.names).apply(lambda both: str(both[0]))
issuers = AcmeIssuers(
    "issuers",
    settings.certificates,
    cert_manager=certificates.namespace,
    zone=dns.zone,
    client_id=identities["cert-manager"].client_id,
    ingress=reached,
    opts=on_kubernetes,
)
public = {
    purpose: Host(name, settings.sources[purpose], issuers.chosen, reached) for purpose, name in hosts.items()
}
authority = InternalCA("authority", cert_manager=certificates.namespace, opts=on_kubernetes)
trust = authority.trust
consul = Consul(
    "consul",
    settings.consul,
    chart=charts["consul"],
    namespace=namespaces["consul"],
    trust=trust,
    disks=classes.retain,
    protected=settings.protected,
    opts=on_kubernetes,
)
telemetry = InfluxDb(
    "telemetry",
    settings.telemetry,
    charts=charts,
    namespace=namespaces["monitoring"],
    agents=namespaces["node-agents"],
    disk=classes.retain,
    trust=trust,
    protected=settings.protected,
    opts=on_kubernetes,
)
ConsulBackup(
    "backups",
    settings.backups,
    namespace=namespaces["backup"],
    client_id=identities["backup"].client_id,
    container=storage.backups_url,
    consul=consul.url,
    consul_ca=trust.ca_pem,
    consul_token=consul.tokens["backup"],
    opts=on_kubernetes,
)
vault = Vault(
    "vault",
    settings.vault,
    chart=charts["vault"],
    namespace=namespaces["vault"],
    trust=trust,
    consul=consul.address,
    token=consul.tokens["vault"],
    seal=keys.seal,
    identity=identities["vault"].client_id,
    disks=classes.retain,
    protected=settings.protected,
    opts=on_kubernetes,
)
vault_init = VaultInit(
    "vault-init",
    vault,
    namespace=namespaces["vault"],
    trust=trust,
    consul=consul.address,
    token=consul.tokens["vault-init"],
    seal=keys.seal,
    identity=identities["vault-init"].client_id,
    opts=on_kubernetes,
)
vault_url = publish(
    "vault",
    public["vault"],
    namespace=namespaces["vault"],
    service="vault-active",
    port=VAULT_PORT,
    tls=Tls(vault.certificate, ACTIVE),
    parent=vault,
)
in_vault = hashicorp.Provider(
    "vault",
    address=pulumi.Output.all(vault_url, vault_init.done).apply(lambda both: str(both[0])),
    auth_login_userpass=hashicorp.ProviderAuthLoginUserpassArgs(
        username=vault_init.user,
        password=vault_init.password,
    ),
    skip_child_token=True,  # it may make none
    skip_tls_verify=not settings.certificates.trusted,
)
credentials = VaultAppRoles(
    "credentials",
    settings.credentials,
    protected=settings.protected,
    opts=pulumi.ResourceOptions(providers=[in_vault]),
)
key_vault_secret(
    "vault-writer",
    credentials.writer,
    context=groups.stateful,
    vault=keys.name,
    what="Login of who writes secrets for Concourse",
    parent=keys,
)
logs = Elasticsearch(
    "logs",
    settings.logs,
    charts=charts,
    namespace=namespaces["logging"],
    agents=namespaces["node-agents"],
    disk=classes.retain,
    host=public["kibana"],
    trust=trust,
    monitors=metrics.monitors,
    protected=settings.protected,
    opts=on_kubernetes,
)
ElastAlert(
    "log-alerts",
    settings.log_alerts,
    chart=charts["elastalert2"],
    namespace=namespaces["logging"],
    login=logs.watcher,
    login_stamp=logs.watcher_stamp,
    trust=trust,
    webhook=given["slackWebhook"],
    kibana=public["kibana"].url,
    monitors=metrics.monitors,
    opts=on_kubernetes,
)
ChartMuseum(
    "chartmuseum",
    settings.chartmuseum,
    chart=charts["chartmuseum"],
    namespace=namespaces["chartmuseum"],
    container=Container(storage.charts_account, storage.charts_container, storage.charts_key),
    host=public["charts"],
    trust=trust,
    monitors=metrics.monitors,
    opts=on_kubernetes,
)

entra = Entra(
    "entra",
    settings.entra,
    teams=settings.teams,
    hosts=hosts,
    tenant=settings.azure.tenant_id,
    protected=settings.protected,
    opts=pulumi.ResourceOptions(providers=[tenant]),
)
PodMonitors(
    "monitors",
    namespace=namespaces["monitoring"],
    kinds=metrics.monitors,
    trust=trust,
    consul_token=consul.tokens["metrics"],
    ends={"the authority of the platform's own certificates": authority.ends, **entra.ends},
    opts=on_kubernetes,
)
Grafana(
    "dashboards",
    settings.dashboards,
    charts=charts,
    namespace=namespaces["monitoring"],
    disk=classes.retain,
    host=public["grafana"],
    login=entra.grafana,
    tenant=settings.azure.tenant_id,
    trust=trust,
    sources=[metrics.source, telemetry.source, logs.source],
    protected=settings.protected,
    opts=on_kubernetes,
)
role = DatabaseRole(
    "database-role",
    settings.concourse.database_role,
    database=database,
    namespace=namespaces["concourse"],
    rotation=settings.concourse.rotation,
    opts=on_kubernetes,
)
concourse_keys = ConcourseKeys(
    "concourse",
    pools=[pool.name for pool in settings.cluster.worker_pools],
    epochs=settings.concourse.encryption.epochs,
    context=groups.stateful,
    vault=keys.name,
    opts=on_azure,
)
users = LocalUsers(
    "users",
    [settings.concourse.administrator, *(team.user for team in settings.teams if team.name != MAIN)],
    rotation=settings.concourse.rotation,
)
teams = {
    team.name: team_config(team, entra.claimed, settings.concourse.administrator)
    for team in settings.teams
    if not team.removed
}
concourse = Concourse(
    "concourse",
    settings.concourse,
    chart=charts["concourse"],
    namespace=namespaces["concourse"],
    host=hosts["concourse"],
    nodes=settings.cluster.platform_nodes,
    keys=concourse_keys,
    pools=settings.cluster.worker_pools,
    users=users,
    database=role.login,
    login=entra.concourse,
    claims=settings.entra.group_claims,
    main_team=teams[MAIN],
    vault=VaultLogin(f"https://{ACTIVE}:{VAULT_PORT}", ACTIVE, trust.ca_pem, credentials.approle),
    opts=on_kubernetes,
)
publish(
    "concourse",
    public["concourse"],
    namespace=namespaces["concourse"],
    service="concourse-web",
    port=API_PORT,
    public_paths=IDENTITY_TOKEN_PATHS,
    parent=concourse,
)
for pool in settings.cluster.worker_pools:
    Workers(
        pool.name,
        settings.workers,
        pool,
        chart=charts["concourse"],
        namespace=namespaces["concourse-workers"],
        gateway=concourse.gateway,
        host_key=concourse.host_key,
        key=concourse_keys.pools[pool.name],
        scratch=classes.scratch,
        opts=on_kubernetes,
    )

Teams(
    "teams",
    teams,
    removed=[team.name for team in settings.teams if team.removed],
    administrator=settings.concourse.administrator,
    users=users,
    api=concourse.api,
    namespace=namespaces["concourse"],
    opts=on_kubernetes,
)

if settings.deployers:
    deployers = Deployers(
        "deployers", settings.deployers, context=groups.compute, issuer=concourse.url, opts=on_azure
    )
    pulumi.export("deployers", dict(deployers.client_ids))

pulumi.export("cluster", cluster.name)
pulumi.export("oidc_issuer", cluster.oidc_issuer)
pulumi.export("database_host", database.host)
pulumi.export("database_name", database.name)
pulumi.export("ingress_address", address.address)
pulumi.export("dns_zone", dns.name)
pulumi.export("urls", {purpose: host.url for purpose, host in public.items()})
pulumi.export("key_vault", keys.name)
pulumi.export("unseal_key", keys.key_name)
pulumi.export("charts_account", storage.charts_account)
pulumi.export("backups_account", storage.backups_account)
pulumi.export("client_ids", {name: identity.client_id for name, identity in identities.items()})
pulumi.export("groups", dict(entra.groups))
pulumi.export("egress_addresses", pulumi.Output.all(*network.egress.addresses))
