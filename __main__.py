"""The platform: settings, layers, outputs."""

import pulumi
import pulumi_azuread as azuread

from components.azure.passing_errors import retry_passing_errors
from components.concourse.team_settings import team_groups
from components.config.protection import unprotect
from components.config.secrets import MissingSecretsError, required_secrets
from components.entra import Entra
from components.layers import ClusterServices, Delivery, Foundation, Observability, Secrets
from components.settings import Settings, SettingsError

config = pulumi.Config()
try:
    settings, given = Settings.load(config), required_secrets(config)
except (SettingsError, MissingSecretsError) as problems:
    raise pulumi.RunError(str(problems)) from None  # without a traceback
unprotect(settings.replaceable)
retry_passing_errors()
webhook = given["slackWebhook"]

foundation = Foundation("foundation", settings)
cluster = ClusterServices("cluster-services", settings, foundation)
entra = Entra(
    "entra",
    settings.entra,
    team_groups=team_groups(settings.teams),
    hosts=settings.host_names,
    tenant=settings.azure.tenant_id,
    protected=settings.protected,
    opts=pulumi.ResourceOptions(providers=[azuread.Provider("entra", tenant_id=settings.azure.tenant_id)]),
)
secrets = Secrets("secrets", settings, foundation, cluster)
Observability("observability", settings, cluster, secrets=secrets, entra=entra, webhook=webhook)
delivery = Delivery("delivery", settings, foundation, cluster, secrets=secrets, entra=entra)

outputs = {
    "cluster": foundation.cluster.name,
    "oidc_issuer": foundation.cluster.oidc_issuer,
    "database_host": foundation.database.host,
    "database_name": foundation.database.name,
    "ingress_address": foundation.address.address,
    "egress_addresses": pulumi.Output.all(*foundation.egress.addresses),
    "dns_zone": foundation.dns.name,
    "urls": {purpose: host.url for purpose, host in cluster.context.hosts.items()},
    "key_vault": foundation.key_vault.name,
    "unseal_key": foundation.key_vault.key_name,
    "charts_account": foundation.storage.charts.account,
    "backups_account": foundation.storage.backups.account,
    "client_ids": {name: identity.client_id for name, identity in foundation.identities.items()},
    "groups": dict(entra.groups),
}
if delivery.deployers:
    outputs["deployers"] = dict(delivery.deployers)
for name, value in outputs.items():
    pulumi.export(name, value)
