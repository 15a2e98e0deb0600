"""The platform: settings, layers, outputs."""

import pulumi
import pulumi_azuread as azuread

from components.azure.passing_errors import retry_passing_errors
from components.concourse.team_settings import team_groups
from components.config.kept_data import keep_data
from components.config.protection import unprotect
from components.config.secrets import MissingSecretsError, required_secrets
from components.entra import Entra
from components.kubernetes.mirror import from_mirror
from components.layers import ClusterServices, Delivery, Foundation, Observability, Secrets
from components.settings import SettingsError
from components.stack_files import load
from policy.program import enforce_rules

config = pulumi.Config()
try:
    settings = load(config)
    given = required_secrets(config, settings.brings)
except (SettingsError, MissingSecretsError) as problems:
    raise pulumi.RunError(str(problems)) from None  # without a traceback
enforce_rules()
unprotect(settings.replaceable)
keep_data(protected=settings.protected, replaceable=settings.replaceable)
retry_passing_errors()
if settings.images.mirror:
    pulumi.runtime.register_stack_transformation(from_mirror(settings.images.mirror))

foundation = Foundation("foundation", settings, given=given)
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
secrets = Secrets("secrets", settings, foundation, cluster) if settings.vault.enabled else None
Observability("observability", settings, cluster, secrets=secrets, entra=entra, given=given)
delivery = Delivery("delivery", settings, foundation, cluster, secrets=secrets, entra=entra)

outputs = {
    "cluster": foundation.cluster.name,
    "oidc_issuer": foundation.cluster.oidc_issuer,
    "database_host": foundation.database.host,
    "database_name": foundation.database.name,
    "ingress_address": foundation.address,
    "egress_addresses": foundation.egress.ranges,
    "dns_zone": foundation.dns.name,
    "urls": {purpose: host.url for purpose, host in cluster.context.hosts.items()},
    "key_vault": foundation.key_vault.name,
    "client_ids": {name: identity.client_id for name, identity in foundation.identities.items()},
    "groups": dict(entra.groups),
}
if settings.vault.enabled:
    outputs["unseal_key"] = foundation.key_vault.key_name
    outputs["backups_account"] = foundation.storage.backups.account
if settings.chartmuseum.enabled:
    outputs["charts_account"] = foundation.storage.charts.account
if delivery.deployers:
    outputs["deployers"] = dict(delivery.deployers)
for name, value in outputs.items():
    pulumi.export(name, value)
