"""Stack files: valid ones are read; for others, all problems are reported."""

import copy
import json
import re

import pytest
from pydantic import ValidationError

from components import settings as module
from components.azure import settings as azure
from components.azure.aks import pool_settings as pools
from components.azure.aks import settings as aks
from components.azure.aks.settings import ClusterSettings
from components.azure.network import settings as network
from components.azure.postgres import settings as postgres
from components.azure.settings import azure_tags
from components.concourse.settings import CONNECTIONS_PER_WEB
from components.config import types
from components.config.model import Model
from components.entra import settings as entra
from components.settings import SCHEMA, Settings, SettingsError, schema, validate
from tests.support.recorder import ROOT, STACKS, stack_config

GUID = "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
PARENT = f"/subscriptions/{GUID}/resourceGroups/dns/providers/Microsoft.Network/dnsZones/example.org"
ABSENT = object()
"""Instead of a value: the key is removed."""


def changed(changes, stack="prod"):
    """A stack's configuration with values at paths (`cluster.workerPools.0.vmSize`) replaced."""
    config = copy.deepcopy(stack_config(stack))
    for path, value in changes.items():
        first, *rest = path.split(".")
        holder, key = config, first if ":" in first else f"platform:{first}"
        for step in rest:
            inner = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
            holder, key = inner, int(step) if step.isdigit() else step
        if value is ABSENT:
            del holder[key]
        else:
            holder[key] = value
    return config


def problems(changes, stack="prod"):
    """Problems of a changed stack file, by key."""
    with pytest.raises(SettingsError) as refused:
        validate(changed(changes, stack), stack)
    return {problem.key: problem.text for problem in refused.value.problems}


URN = "urn:pulumi:prod::platform::platform:index:Database$azure-native:dbforpostgresql:Server::database"
POOL = "cluster.workerPools.0"
TEAM = "teams.1"
BAD = [
    # what to change · under which key · what must be said
    (
        {"charts": {"repository": "https://charts.ci.example.org"}, "dns.name": "ci.example.org"},
        "charts.repository",
        "is this stack's own ChartMuseum",
    ),
    ({"charts": {"repository": "http://charts.example.org"}}, "charts.repository", "write oci://"),
    ({"charts": {"repository": "https://a:b@charts.example.org"}}, "charts.repository", "are never in a"),
    ({"charts": {"repository": "oci://example.org/charts/"}}, "charts.repository", "without a / at the end"),
    ({"charts": {"concourse": "20.1.3"}}, "charts.concourse", "choose from repository, versions"),
    ({"certificates.email": "delivery"}, "certificates.email", "is not an e-mail address"),
    (
        {"replaceable": [{"urn": "database", "reason": "moved elsewhere", "until": "2999-01-01"}]},
        "replaceable[0].urn",
        "urn:pulumi:",
    ),
    (
        {"replaceable": [{"urn": URN, "reason": "moved elsewhere", "until": "2026-01-31"}]},
        "replaceable[0].until",
        "2026-01-31 is past; remove the entry",
    ),
    ({"vault.consul": {"replicas": 2}}, "vault.consul.replicas", "choose from 1, 3, 5"),
    ({"vault.server": {"replicas": 2}}, "vault.server.replicas", "choose from 1, 3, 5"),
    ({"vault.server": {"auditStorage": "much"}}, "vault.server.auditStorage", "is not a Kubernetes quantity"),
    ({"vault.appRoles": {"rotation": "now"}}, "vault.appRoles.rotation", "is not a month such as 2026-11"),
    ({"vault.consul": {"previous": "2026-12"}}, "vault.consul.previous", "2026-12 is not before 2026-11"),
    (
        {"vault.appRoles": {"previous": "2026-12"}},
        "vault.appRoles.previous",
        "2026-12 is not before 2026-11; set an earlier month, or remove it",
    ),
    (
        {"vault.operator": {"rotation": "2027-12", "previous": "2026-12"}},
        "vault.operator.rotation",
        "its login has the name of that of 2026-12; use another month of the year",
    ),
    ({"concourse.keys": {"previous": "2026-12"}}, "concourse.keys.previous", "2026-12 is not before 2026-11"),
    ({"vault.backups": {"schedule": "daily"}}, "vault.backups.schedule", "as 17 */4 * * * is"),
    ({"clutser": {}}, "clutser", "unknown key; did you mean cluster?"),
    ({"platfrom:database": {}}, "platfrom:database", "did you mean platform:database?"),
    ({"azure-native:location": "westeurope"}, "azure-native:location", "providers are configured by platform:azure"),
    ({"cluster": ABSENT}, "cluster", 'missing; for example `platform:cluster: {"adminGroupObjectIds": ["'),
    ({"protected": ABSENT}, "protected", "missing; for example `platform:protected: true`"),
    ({"protected": "perhaps"}, "protected", "is neither true nor false; for example true"),
    ({"workers": None}, "workers", "is empty; write keys below it (driver, "),
    ({"azure.subscriptionId": ABSENT}, "azure.subscriptionId", "missing; for example `subscriptionId: "),
    ({"azure.subscriptionId": "prod"}, "azure.subscriptionId", "'prod' is not a GUID"),
    ({"azure.tenantId": GUID.upper()}, "azure.tenantId", "is not a GUID in lower case"),
    ({"azure.location": "West Europe"}, "azure.location", "did you mean westeurope"),
    ({"tags.costCenter": 4711}, "tags.costCenter", '4711 is a number here: put it in quotes, "4711"'),
    ({"tags.owner": ""}, "tags.owner", "should have at least 1 character"),
    ({"network.egres": "natGateway"}, "network.egres", "unknown key; did you mean egress"),
    ({"network.egress": "nat"}, "network.egress", 'choose from "natGateway", "loadBalancer"'),
    ({"network.egressAddresses": 17}, "network.egressAddresses", "less than or equal to 16"),
    ({"network.addressSpace": "10.30.0.1/16"}, "network.addressSpace", "the range is 10.30.0.0/16"),
    ({"network.addressSpace": "ten"}, "network.addressSpace", "is not an IPv4 range such as"),
    ({"network.subnets.nodes": "10.31.0.0/20"}, "network.subnets.nodes", "outside its network"),
    ({"network.subnets.nodes": "10.30.16.0/20"}, "network.subnets.database", "overlaps network.subnets"),
    ({"network.subnets.database": "10.30.16.0/29"}, "network.subnets.database", "use a /28 or larger"),
    ({"network.subnets.nodes": "10.30.0.0/27"}, "network.subnets.nodes", "has addresses for 27 nodes"),
    ({"network.subnets.database": ABSENT}, "database.access", "needs network.subnets.database"),
    ({"database.access": "public"}, "network.subnets.database", "remove it"),
    ({"cluster.podRange": "10.30.0.0/16"}, "cluster.podRange", "overlaps network.addressSpace (10."),
    ({"cluster.serviceRange": "10.30.64.0/20"}, "cluster.serviceRange", "overlaps network.addressSpace"),
    ({"cluster.podRange": "10.0.0.0/15"}, "cluster.serviceRange", "overlaps cluster.podRange (10.0.0.0/15)"),
    ({"network.addressSpace": "10.0.0.0/10"}, "cluster.serviceRange", "overlaps network.addressSpace"),
    ({"cluster.podRange": "10.80.128.0/17"}, "cluster.podRange", "build containers (10.80.0.0/16)"),
    ({"cluster.serviceRange": "10.80.0.0/20"}, "cluster.serviceRange", "Concourse's build containers"),
    ({"network.addressSpace": "10.80.0.0/16"}, "network.addressSpace", "Concourse's build containers"),
    ({"cluster.podRange": "10.244.0.0/20"}, "cluster.podRange", "has room for 16 of"),
    ({"cluster.dnsServiceAddress": "10.1.0.10"}, "cluster.dnsServiceAddress", "use one such as 10.0.0.10"),
    ({"cluster.dnsServiceAddress": "10.0.0.1"}, "cluster.dnsServiceAddress", "is not free"),
    ({"cluster.dnsServiceAddress": "dns"}, "cluster.dnsServiceAddress", "is not an IPv4 address such as"),
    ({"cluster.kubernetesVersion": 1.36}, "cluster.kubernetesVersion", 'put it in quotes, "1.36"'),
    ({"cluster.kubernetesVersion": "1.36.2"}, "cluster.kubernetesVersion", '"1.35", "1.36", "1.37"'),
    ({"cluster.kubernetesVersion": "1.34"}, "cluster.kubernetesVersion", 'choose from "1.35"'),
    ({"cluster.adminGroupObjectIds": []}, "cluster.adminGroupObjectIds", "at least 1 item"),
    ({"cluster.operatorRanges": []}, "cluster.operatorRanges", "missing; list the operators' public ranges"),
    ({"cluster.operatorRanges": ["0.0.0.0/0"]}, "cluster.operatorRanges[0]", "0.0.0.0/0 allows everybody"),
    ({"cluster.deployerRanges": ["10.10.0.0/16"]}, "cluster.deployerRanges[0]", "is private"),
    ({"cluster.maintenance": {"day": "Someday"}}, "cluster.maintenance.day", 'choose from "Monday"'),
    ({"cluster.maintenance": {"startHour": 24}}, "cluster.maintenance.startHour", "less than or equal to 23"),
    ({"cluster.maintenance": {"hours": 3}}, "cluster.maintenance.hours", "greater than or equal to 4"),
    ({"cluster.systemPool": {"minNodes": 0}}, "cluster.systemPool.minNodes", "at least 1"),
    ({"cluster.workerPools": []}, "cluster.workerPools", "at least 1 item"),
    ({f"{POOL}.name": "workers"}, "cluster.workerPools[0].name", "a word and its generation"),
    ({f"{POOL}.name": "Workers1"}, "cluster.workerPools[0].name", "a word and its generation"),
    ({f"{POOL}.name": "concourseworkers1"}, "cluster.workerPools[0].name", "at most 12"),
    ({f"{POOL}.name": "platform1"}, "cluster.workerPools[0].name", "is taken by another pool"),
    ({f"{POOL}.minNodes": 13}, "cluster.workerPools[0].minNodes", "is more than maxNodes (12)"),
    ({f"{POOL}.zones": ["4"]}, "cluster.workerPools[0].zones[0]", 'choose from "1", "2", "3"'),
    ({f"{POOL}.zones": [1]}, "cluster.workerPools[0].zones[0]", 'put it in quotes, "1"'),
    ({f"{POOL}.vmSize": "Standard_B4ms"}, "cluster.workerPools[0].vmSize",
     "use osDiskType: Managed, or a size such as Standard_D4ds_v5"),
    ({f"{POOL}.vmSize": "Standard_D4xyz_v9", f"{POOL}.osDiskType": "Managed"}, "cluster.workerPools[0].vmSize",
     "Standard_D4xyz_v9 is not named as Azure names VM sizes; use one such as Standard_D4ds_v5"),
    ({f"{POOL}.vmSize": "Standard_D4pds_v5", f"{POOL}.osDiskType": "Managed"}, "cluster.workerPools[0].vmSize",
     "has ARM processors, for which the platform's images are not tested; use one such as Standard_D4ds_v5"),
    ({"cluster.systemPool.vmSize": "Standard_D4plds_v5"}, "cluster.systemPool.vmSize", "use one such as Standard_D4lds_v5"),
    ({"entra.grafana": {}}, "entra.grafana", "nobody could log in to Grafana; add a group to admin"),
    ({"network.peeredRanges": ["10.0.0.0/20"]}, "network.peeredRanges[0]",
     "10.0.0.0/20 overlaps cluster.serviceRange (10.0.0.0/16), so pods could not reach it"),
    ({"network.peeredRanges": ["10.9.0.0/20", "10.244.7.0/24"]}, "network.peeredRanges[1]", "overlaps cluster.podRange"),
    ({"network.peeredRanges": ["10.80.0.0/20"]}, "network.peeredRanges[0]", "overlaps Concourse's build containers"),
    ({"network.peeredRanges": ["10.0.0.0/8"]}, "network.peeredRanges[0]", "overlaps this network's own"),
    ({"workers.privateRanges": ["10.0.3.0/24"]}, "workers.privateRanges[0]", "overlaps cluster.serviceRange"),
    ({"proxy": {"url": "http://10.0.1.4:3128", "ranges": ["10.0.1.4/32"]}}, "proxy.ranges[0]",
     "overlaps cluster.serviceRange"),
    ({f"{POOL}.osDiskSizeGb": 601}, "cluster.workerPools[0].osDiskSizeGb", "has room for 600"),
    ({f"{POOL}.drainTimeoutMinutes": 119}, "cluster.workerPools[0].drainTimeoutMinutes", "at least 120"),
    ({"workers.terminationGracePeriodSeconds": 7201}, "cluster.workerPools[0].drainTimeoutMinutes", "121"),
    ({"azure.location": "ukwest"}, "cluster.workerPools[0].zones", "ukwest has no zones; use []"),
    ({"azure.location": "ukwest"}, "cluster.systemPool.zones", "ukwest has no zones; use []"),
    ({"azure.location": "ukwest"}, "database.highAvailability", "choose SameZone or Disabled"),
    ({"azure.location": "italynorth"}, "database.geoRedundantBackup", "no paired region"),
    ({"database.tier": "Burstable", "database.sku": "Standard_B2s"}, "database.highAvailability", "standby"),
    ({"database.tier": "MemoryOptimized"}, "database.sku", "is of the tier GeneralPurpose"),
    ({"database.sku": "Standard_D4ds_v9"}, "database.sku", "did you mean Standard_D4ds_v5"),
    ({"database.storageGb": 100}, "database.storageGb", "choose from 32, 64, 128"),
    ({"database.backupDays": 36}, "database.backupDays", "less than or equal to 35"),
    ({"database.backupDays": 6}, "database.backupDays", "greater than or equal to 7"),
    ({"database.version": 17}, "database.version", 'put it in quotes, "17"'),
    ({"database.sslMode": "require"}, "database.sslMode", 'choose from "verify-ca", "verify-full"'),
    ({"database.administrator": "admin"}, "database.administrator", "a login that Azure allows"),
    ({"database.name": "Concourse"}, "database.name", "a database's name"),
    ({"database.rotation": "now"}, "database.rotation", "a month such as 2026-11"),
    ({"storage.backups": "RAGZRS"}, "storage.backups", 'choose from "LRS", "ZRS", "GRS", "GZRS"'),
    ({"storage.softDeleteDays": 366}, "storage.softDeleteDays", "less than or equal to 365"),
    ({"azure.location": "ukwest"}, "storage.charts", "ZRS needs zones, and ukwest has none; use LRS"),
    ({"azure.location": "ukwest"}, "storage.backups", "GZRS needs zones, and ukwest has none; use GRS"),
    ({"azure.location": "italynorth"}, "storage.backups", "italynorth has none; use ZRS"),
    ({"keyVault.sku": "Premium"}, "keyVault.sku", 'choose from "standard", "premium"'),
    ({"keyVault.keySize": 2048}, "keyVault.keySize", "choose from 3072, 4096"),
    ({"keyVault.softDeleteDays": 91}, "keyVault.softDeleteDays", "less than or equal to 90"),
    ({"keyVault.operatorRanges": ["10.0.0.0/24"]}, "keyVault.operatorRanges[0]", "is private"),
    ({"dns": {}}, "dns.zoneId", "set the ID of a delegated zone"),
    ({"dns.zoneId": "ci.example.org"}, "dns.zoneId", "is not a DNS zone's ID"),
    ({"dns.zone": "ci.example.org"}, "dns.zoneId", "Set only one of the two"),
    ({"dns": {"zone": "ci.example.org"}}, "dns.parentZoneId", "set the ID of the zone above ci.example.org"),
    ({"dns": {"parentZoneId": PARENT}}, "dns.zone", "such as ci.example.org"),
    ({"dns": {"parentZoneId": PARENT, "zone": "ci.example.com"}}, "dns.zone",
     "is not inside example.org; use a name such as ci.example.org"),
    ({"dns": {"parentZoneId": PARENT, "zone": "lab.ci.example.com"}}, "dns.zone", "use a name such as lab.example.org"),
    ({"dns": {"parentZoneId": PARENT, "zone": "example.org"}}, "dns.zone",
     "is not inside example.org; use a name such as ci.example.org"),
    ({"concourse.web.replicas": 21}, "concourse.web.replicas", "at most 20, or a larger database.sku"),
    ({"concourse.web.replicas": "many"}, "concourse.web.replicas", "'many' is not a whole number"),
    ({"concourse.heartbeatInterval": "2 min"}, "concourse.heartbeatInterval", "a duration such as 30s"),
    ({"concourse.encryption": {"epochs": []}}, "concourse.encryption.epochs", "at least 1 item"),
    ({"concourse.encryption": {"epochs": ["2027-01", "2026-11"]}}, "concourse.encryption.epochs", "in order"),
    ({"concourse.encryption": {"rotating": True}}, "concourse.encryption.rotating", "no earlier key in epochs"),
    ({"concourse.encryption": {"epochs": ["2026-11", "2027-01"], "rotating": True}},
     "concourse.web.replicas", "use 1 until the rotation is done"),
    ({"concourse.defaultBuildLogsToRetain": 3000}, "concourse.defaultBuildLogsToRetain",
     "more than maxBuildLogsToRetain (2000)"),
    ({"concourse.containerPlacementStrategies": ["volume-location"]}, "concourse.containerPlacementStrategies[0]",
     'choose from "volume-locality"'),
    ({"concourse.containerPlacementStrategies": ["random", "volume-locality"]}, "concourse.containerPlacementStrategies",
     "set only random"),
    ({"concourse.containerPlacementStrategies": ["limit-active-tasks"]}, "concourse.limitActiveTasks",
     "set one, such as 200"),
    ({"concourse.containerPlacementStrategies": ["volume-locality"]}, "concourse.limitActiveContainers",
     "has no effect without limit-active-containers"),
    ({"concourse.administrator": "Admin"}, "concourse.administrator", "a valid Concourse name"),
    ({"concourse.administrator": "a:b"}, "concourse.administrator", "a valid Concourse name"),
    ({"concourse.administrator": "svc-payments"}, "teams[1].serviceUser", "is already the name of another user"),
    ({"concourse.databaseRole": "concourseadmin"}, "concourse.databaseRole", "choose another name"),
    ({"workers.driver": "brtfs"}, "workers.driver", 'choose from "btrfs", "overlay"'),
    ({"workers.volumeGb": 39}, "workers.volumeGb", "at least 40"),
    ({"workers.volumeGb": 49, "workers.driver": "btrfs"}, "workers.volumeGb", "at least 50"),
    ({"workers.volumeGb": 500, "workers.volume": "node"}, "cluster.workerPools[0].osDiskSizeGb",
     "at least 532"),
    ({f"{POOL}.team": "payment"}, "cluster.workerPools[0].team", "did you mean payments"),
    ({f"{POOL}.team": "payments"}, "cluster.workerPools", "no pool runs the steps of"),
    ({f"{POOL}.tags": ["a,b"]}, "cluster.workerPools[0].tags[0]", "a valid Concourse name"),
    ({"entra.groupClaims": "SecurityGroups"}, "entra.groupClaims", 'choose from "ApplicationGroup"'),
    ({"entra.assignmentRequired": False}, "entra.assignmentRequired", "or groupClaims: SecurityGroup"),
    ({"entra.assignmentRequired": False, "entra.groupClaims": "SecurityGroup"}, "entra.grafana.viewer",
     "set entra.assignmentRequired: true"),
    ({"entra.groups": [GUID]}, "entra.groups[0]", "should match pattern"),
    ({"entra.groups": ["release-managers", "release-managers"]}, "entra.groups[1]", "is listed twice"),
    ({"entra.groups": ["Payments"]}, "entra.groups[0]", "should match pattern"),
    ({"entra.grafana": {"admins": []}}, "entra.grafana.admins", "did you mean admin"),
    ({"entra.grafana": {"admin": ["release-manager"]}}, "entra.grafana.admin[0]", "did you mean release-man"),
    ({"entra.rotation": "soon"}, "entra.rotation", "a month such as 2026-11"),
    ({"entra.secretDays": 45}, "entra.secretDays", "greater than or equal to 60"),
    ({"entra.secretDays": 730}, "entra.secretDays", "less than or equal to 365"),
    ({"teams": []}, "teams", "at least 1 item"),
    ({"teams": [{"name": "payments", "roles": {"viewer": {"oidc": {"groups": [GUID]}}}}]}, "teams",
     "main is missing"),
    ({f"{TEAM}.name": "main"}, "teams[1].name", "is already the name of another team"),
    ({f"{TEAM}.name": "Payments"}, "teams[1].name", "a valid Concourse name"),
    ({f"{TEAM}.name": "pay,ments"}, "teams[1].name", "a valid Concourse name"),
    ({f"{TEAM}.name": "p" * 51}, "teams[1].name", "at most 50"),
    ({f"{TEAM}.serviceUser": "svc:payments"}, "teams[1].serviceUser", "a valid Concourse name"),
    ({f"{TEAM}.roles": {}}, "teams[1].roles", "the team has no members"),
    ({f"{TEAM}.roles": {"members": {"oidc": {"groups": [GUID]}}}}, "teams[1].roles.members",
     "did you mean member"),
    ({f"{TEAM}.roles": {"member": {"oicd": {"groups": [GUID]}}}}, "teams[1].roles.member.oicd",
     "did you mean oidc"),
    ({f"{TEAM}.roles": {"member": {"oidc": {"groups": []}}}}, "teams[1].roles.member.oidc", "has no members"),
    ({f"{TEAM}.roles": {"member": {"oidc": {"groups": [GUID[:-1]]}}}},
     "teams[1].roles.member.oidc.groups[0]", "an Entra group: its object ID"),
    ({f"{TEAM}.roles": {"member": {"oidc": {"groups": ["nobodys"]}}}},
     "teams[1].roles.member.oidc.groups[0]", "is neither a group's object ID (a GUID) nor in entra.groups"),
    ({f"{TEAM}.roles": {"member": {"oidc": {"users": ["ada,@example.org"]}}}},
     "teams[1].roles.member.oidc.users[0]", "such as ada@example.org"),
    ({"teams.0.roles": {"viewer": {"oidc": {"groups": [GUID]}}}}, "teams[0].roles.owner", "without an owner"),
    ({"teams.0.removed": True}, "teams[0].removed", "main team cannot be deleted"),
    ({"chartmuseum": {"rotation": "soon"}}, "chartmuseum.rotation", "is not a month such as 2026-11"),
    ({"logging.elasticsearch": {"retention": "a month"}}, "logging.elasticsearch.retention", "not a time to keep data for, such as 15d"),
    ({"logging.elasticsearch": {"auditRetention": "1y"}}, "logging.elasticsearch.auditRetention", "not a time to keep data for, such as 15d"),
    ({"logging.elasticsearch": {"nodes": 2}}, "logging.elasticsearch.nodes", "choose from 1, 3, 5"),
    ({"logging.elasticsearch": {"nods": 3}}, "logging.elasticsearch.nods", "did you mean nodes"),
    ({"logging.elastalert": {"slackChannel": "alerts"}}, "logging.elastalert.slackChannel", "should match pattern"),
    ({"logging.elastalert": {"runEveryMinutes": 0}}, "logging.elastalert.runEveryMinutes", "greater than or equal to 1"),
    ({"certificates.solver": "http01"}, "certificates.solver", "restricts vault, kibana; choose"),
    ({"certificates.issuer": "letsencrypt"}, "certificates.issuer", 'choose from "production", "staging"'),
    ({"certificates.email": "delivery"}, "certificates.email", "is not an e-mail address"),
    ({"ingress": {"replicas": 1, "minAvailable": 1}}, "ingress.minAvailable",
     "block the drain of every node; set at most 0"),
    ({"ingress": {"sourceRanges": {"vault": ["10.0.0.0/8"]}}}, "ingress.sourceRanges.vault[0]",
     "private, so Azure never sees it"),
    ({"ingress": {"sourceRanges": {"valt": []}}}, "ingress.sourceRanges.valt", "did you mean vault"),
    ({"monitoring.prometheus": {"retention": "forever"}}, "monitoring.prometheus.retention", "not a time to keep data for, such as 15d"),
    ({"monitoring.prometheus": {"retention": "0d"}}, "monitoring.prometheus.retention", "is not a time to keep data for, such as 15d"),
    ({"monitoring.influxdb": {"retention": "30"}}, "monitoring.influxdb.retention", "not a time to keep data for, such as 15d"),
    ({"monitoring.influxdb": {"retention": "6h"}}, "monitoring.influxdb.retention", "less than a day; set at least 1d"),
    ({"monitoring.influxdb": {"bucket": "Tele graf"}}, "monitoring.influxdb.bucket", "should match pattern"),
    ({"monitoring.influxdb": {"rotation": "soon"}}, "monitoring.influxdb.rotation", "is not a month such as 2026-11"),
    ({"monitoring.grafana": {"diskGb": 1}}, "monitoring.grafana.diskGb", "greater than or equal to 4"),
    ({"monitoring.grafana": {"admins": []}}, "monitoring.grafana.admins", "unknown key"),
    ({"monitoring.prometheus": {"replicas": 0}}, "monitoring.prometheus.replicas", "greater than or equal to 1"),
    ({"monitoring.prometheus": {"memory": "4 GB"}}, "monitoring.prometheus.memory", "is not a Kubernetes quantity such as 10Gi"),
    ({"monitoring.prometheus": {"slackChannel": "alerts"}}, "monitoring.prometheus.slackChannel", "should match pattern"),
    ({"monitoring.prometheus": {"runbooks": "git.example.org"}}, "monitoring.prometheus.runbooks", "should match pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "key", "text"), BAD, ids=[f"{key}: {text}" for _, key, text in BAD])
def test_a_wrong_setting_is_reported_under_its_key_with_a_remedy(changes, key, text):
    found = problems(changes)
    assert key in found, found
    assert text in found[key]


LEARN = "https://learn.microsoft.com"
CNI, OVERLAY = f"{LEARN}/azure/aks/concepts-network-cni-overview", f"{LEARN}/azure/aks/azure-cni-overlay"
SYSTEM, SIZES = f"{LEARN}/azure/aks/use-system-pools", f"{LEARN}/azure/aks/quotas-skus-regions"
VNET = f"{LEARN}/azure/virtual-network/virtual-networks-faq"
POSTGRES = f"{LEARN}/azure/postgresql/overview (azure-databases-docs, includes/regions-table.md)"
CREDENTIAL = (
    f"{LEARN}/azure/templates/microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"
)
DEPLOYER = "deployers.stacks.0"
REFUSED_BY_AZURE = [
    # what to change in infra · under which key · what must be said · who says so
    *(
        ({f"{key}": range_}, key, "which AKS reserves", CNI)
        for key in ("network.addressSpace", "cluster.podRange", "cluster.serviceRange")
        for range_ in ("172.30.0.0/16", "172.31.0.0/16")
    ),
    ({"network.addressSpace": "169.254.0.0/16"}, "network.addressSpace", "which AKS reserves", CNI),
    ({"network.addressSpace": "192.0.2.0/24"}, "network.addressSpace", "which AKS reserves", CNI),
    ({"cluster.podRange": "172.16.0.0/12"}, "cluster.podRange", "which AKS reserves", CNI),
    ({"cluster.podRange": "8.0.0.0/8"}, "cluster.podRange", "is not private", OVERLAY),
    ({"cluster.serviceRange": "20.0.0.0/16"}, "cluster.serviceRange", "is not private", OVERLAY),
    ({"cluster.serviceRange": "100.64.0.0/12"}, "cluster.serviceRange", "use a /13 to /24", OVERLAY),
    ({"cluster.serviceRange": "10.0.0.0/29"}, "cluster.serviceRange", "use a /13 to /24", OVERLAY),
    ({"cluster.systemPool": {"vmSize": "Standard_A1_v2", "osDiskType": "Managed"}}, "cluster.systemPool.vmSize",
     "fewer than 2 cores", SIZES),
    ({f"{POOL}.vmSize": "Standard_F1s", f"{POOL}.osDiskType": "Managed"}, "cluster.workerPools[0].vmSize",
     "fewer than 2 cores", SIZES),
    ({"cluster.systemPool": {"vmSize": "Standard_B4ms", "osDiskType": "Managed"}}, "cluster.systemPool.vmSize",
     "of no B series", SYSTEM),
    ({"cluster.systemPool": {"vmSize": "Standard_A2", "osDiskType": "Managed"}}, "cluster.systemPool.vmSize",
     "with 4 GB or more", SYSTEM),
    ({"cluster.systemPool": {"maxPods": 29}}, "cluster.systemPool.maxPods", "use at least 30", SYSTEM),
    ({"cluster.tier": "Free", f"{POOL}.maxNodes": 1000}, "cluster.tier", "Free has at most 1000; choose Standard",
     f"{LEARN}/azure/aks/free-standard-pricing-tiers"),
    ({"network.addressSpace": "127.0.0.0/16"}, "network.addressSpace", "which no network can have", VNET),
    ({"network.addressSpace": "224.0.0.0/8"}, "network.addressSpace", "which no network can have", VNET),
    ({"network.addressSpace": "168.63.128.0/20"}, "network.addressSpace", "168.63.129.16/32", VNET),
    ({"network.subnets.endpoints": "10.10.16.32/30"}, "network.subnets.endpoints", "use a /29 or larger", VNET),
    ({f"{DEPLOYER}.jobs": ["release.1"]}, "deployers.stacks[0].jobs[0]", "as the name of a credential", CREDENTIAL),
    ({f"{DEPLOYER}.stack": "my.stack"}, "deployers.stacks[0].stack", "2 to 12 of a-z and 0-9", CREDENTIAL),
    ({f"{DEPLOYER}.parentZoneId": "example.org"}, "deployers.stacks[0].parentZoneId", "is not a DNS zone's ID",
     f"{LEARN}/rest/api/dns/zones/get"),
    ({"azure.location": "japanwest"}, "database.highAvailability", "no zone-redundant standby in japanwest", POSTGRES),
    ({"azure.location": "westus3"}, "database.geoRedundantBackup", "no geo-redundant backup in westus3", POSTGRES),
    ({"azure.location": "brazilsouth"}, "database.geoRedundantBackup", "in brazilsouth; use false", POSTGRES),
    ({"azure.location": "eastus2"}, "database.sku", "use one such as Standard_D2ds_v4", POSTGRES),
    ({"database.sku": "Standard_D2ads_v5"}, "database.sku", "use one such as Standard_D2ds_v5", POSTGRES),
    ({"database.sku": "Standard_D2ads_v5", "azure.location": "westus2"}, "database.sku", "Standard_D2ds_v4", POSTGRES),
    ({"keyVault.operatorRanges": ["100.64.0.0/16"]}, "keyVault.operatorRanges[0]", "is private",
     "https://www.rfc-editor.org/rfc/rfc6598"),
    ({"cluster.operatorRanges": ["169.254.0.0/16"]}, "cluster.operatorRanges[0]", "is private",
     "https://www.rfc-editor.org/rfc/rfc6890"),
    ({"ingress": {"hosts": {"vault": "-vault"}}}, "ingress.hosts.vault", "neither a DNS label",
     "https://www.rfc-editor.org/rfc/rfc1123"),
    ({"dns.zoneId": PARENT.replace("example", "-example")}, "dns.zoneId", "is not a DNS zone's ID",
     f"{LEARN}/azure/dns/dns-zones-records"),
    ({"dns": {"parentZoneId": PARENT, "zone": f"{'a' * 64}.example.org"}}, "dns.zone", "at most 63",
     "https://www.rfc-editor.org/rfc/rfc1123"),
    ({"entra.owners": ["ada@example.org"]}, "entra.owners[0]", "is not a GUID",
     "https://registry.terraform.io/providers/hashicorp/azuread/latest/docs/resources/application (owners)"),
    ({"vault.backups": {"schedule": "60 * * * *"}}, "vault.backups.schedule", "is not a cron schedule",
     "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"),
    ({"vault.consul": {"storage": "0Gi"}}, "vault.consul.storage", "is not a Kubernetes quantity",
     "https://github.com/kubernetes/kubernetes, ValidatePersistentVolumeClaimSpec: must be greater than zero"),
    ({"database.rotation": "2026-13"}, "database.rotation", "a month such as 2026-11", "ISO 8601"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "key", "text", "source"),
    REFUSED_BY_AZURE,
    ids=[f"{next(iter(c.items()))}" for c, *_ in REFUSED_BY_AZURE],
)
def test_what_azure_or_a_product_refuses_is_a_settings_error(changes, key, text, source):
    found = problems(changes, "infra")
    assert key in found, found
    assert text in found[key]
    assert source


TYPES = "Microsoft.ContainerService 2025-09-01"
LIMITS = {
    # setting of components/azure: Azure's least and largest value, and who says so
    "ClusterSettings.operator_ranges": (
        0,
        200,
        f"{LEARN}/azure/aks/api-server-authorized-ip-ranges (with the two below)",
    ),
    "ClusterSettings.deployer_ranges": (0, 200, f"{LEARN}/azure/aks/api-server-authorized-ip-ranges"),
    "Maintenance.hours": (4, 24, f"{TYPES}, durationHours"),
    "Weekly.start_hour": (0, 23, f"{TYPES}, startTime"),
    "SystemPool.os_disk_size_gb": (30, 2048, f"{TYPES}, osDiskSizeGB; {LEARN}/azure/aks/concepts-storage"),
    "SystemPool.min_nodes": (0, 1000, f"{SIZES} (nodes of a pool)"),
    "SystemPool.max_nodes": (1, 1000, f"{SIZES} (nodes of a pool)"),
    "SystemPool.max_pods": (10, 250, OVERLAY),
    "WorkerPool.drain_timeout_minutes": (1, 1440, f"{TYPES}, drainTimeoutInMinutes"),
    "NetworkSettings.egress_addresses": (1, 16, f"{LEARN}/azure/nat-gateway/nat-gateway-resource"),
    "NetworkSettings.peered_ranges": (
        0,
        500,
        f"{LEARN}/azure/virtual-network/virtual-networks-faq (peerings)",
    ),
    "ExistingNetwork.egress_ranges": (0, 200, f"{LEARN}/azure/aks/api-server-authorized-ip-ranges"),
    "ExistingDatabase.port": (1, 65535, "https://www.rfc-editor.org/rfc/rfc6335"),
    "ExistingDatabase.ranges": (0, 1000, "ours: rules of one network policy"),
    "PrivateCluster.clients": (0, 1000, "ours: ranges of one middleware of Traefik"),
    "TagSettings.extra": (0, 11, f"{LEARN}/azure/azure-resource-manager/management/tag-resources (DNS: 15)"),
    "DatabaseSettings.backup_days": (
        7,
        35,
        f"{LEARN}/azure/postgresql/flexible-server/concepts-backup-restore",
    ),
    "StorageSettings.soft_delete_days": (1, 365, "Microsoft.Storage 2024-01-01, deleteRetentionPolicy.days"),
    "StorageSettings.backup_days": (
        0,
        36500,
        "Microsoft.Storage 2024-01-01, daysAfterModificationGreaterThan",
    ),
    "WorkspaceSettings.retention_days": (
        30,
        730,
        f"{LEARN}/azure/azure-monitor/logs/data-retention-configure",
    ),
    "WorkspaceSettings.daily_cap_gb": (
        1,
        6 * 60 * 24,
        f"{LEARN}/azure/azure-monitor/service-limits (6 GB a minute are ingested)",
    ),
    "AzureAlertSettings.emails": (0, 1000, f"{LEARN}/azure/azure-monitor/service-limits (action groups)"),
    "KeyVaultSettings.soft_delete_days": (7, 90, f"{LEARN}/azure/key-vault/general/soft-delete-overview"),
    "KeyVaultSettings.operator_ranges": (0, 1000, f"{LEARN}/azure/key-vault/general/network-security"),
    "DeployerSettings.jobs": (
        0,
        20,
        f"{LEARN}/entra/workload-id/workload-identity-federation-considerations",
    ),
    "TagSettings.owner": (0, 256, f"{LEARN}/azure/azure-resource-manager/management/tag-resources"),
    "TagSettings.cost_center": (0, 256, f"{LEARN}/azure/azure-resource-manager/management/tag-resources"),
    "StateSettings.retention_days": (7, 90, f"{LEARN}/azure/key-vault/general/soft-delete-overview"),
    "EntraSettings.secret_days": (
        1,
        730,
        f"{LEARN}/entra/identity-platform/how-to-add-credentials (24 months)",
    ),
    "EntraSettings.owners": (0, 100, f"{LEARN}/entra/identity/users/directory-service-limits-restrictions"),
}
MODULES = (aks, pools, azure, network, postgres, entra, types)


def bounds():
    """The numeric limits of each setting for Azure: of a number, or of a text's or list's length."""
    models = {
        m for module in MODULES for m in vars(module).values() if isinstance(m, type) and issubclass(m, Model)
    }
    for model in models:
        for name, field in model.model_fields.items():
            limits = {type(each).__name__: each for each in field.metadata}
            found = [getattr(limits.get(kind), key, None) for kind, key in
                     (("Ge", "ge"), ("Le", "le"), ("MinLen", "min_length"), ("MaxLen", "max_length"))]  # fmt: skip
            if any(value is not None for value in found[1::2]) or found[0] is not None:
                owner = next(
                    base for base in reversed(model.mro()) if name in getattr(base, "model_fields", {})
                )
                least = next((v for v in found[0::2] if v is not None), 0)
                yield f"{owner.__name__}.{name}", least, next((v for v in found[1::2] if v is not None), None)


def test_each_limit_is_within_azures():
    found = list(bounds())
    assert {name for name, *_ in found} == set(LIMITS)
    for name, least, most in found:
        azures_least, azures_most, _ = LIMITS[name]
        assert azures_least <= least, name
        assert most is not None, name
        assert most <= azures_most, name


@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_files_are_valid(stack):
    assert validate(stack_config(stack), stack).protected == (stack != "demo")


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        (
            {f"{POOL}.team": None},
            "cluster.workerPools[0].team",
            "a worker of every team could take their steps",
        ),
        ({"teams.1.name": "payments"}, "teams[1].name", "would share a Concourse with the deployers"),
    ],
)
def test_the_stack_with_deployers_shares_its_concourse_with_nobody(changes, key, text):
    """Concourse accepts any team and tag from a worker whose key belongs to no team."""
    assert text in problems(changes, "infra")[key]


@pytest.mark.parametrize("written", ["true", "false"])
def test_protection_is_taken_as_pulumi_writes_it(written):
    """`pulumi config set` of anything writes every plain value of the file as a text."""
    found = validate(stack_config("staging") | {"platform:protected": written}, "staging")
    assert found.protected is (written == "true")
    schema = json.loads((ROOT / "components/stack.schema.json").read_text())
    kind = schema["properties"]["config"]["properties"]["platform:protected"]
    assert "string" in kind["type"]
    assert re.fullmatch(kind["pattern"], written)


def test_all_problems_are_reported_at_once():
    found = problems(
        {
            "clutser": {},
            "workers": ABSENT,
            "network.subnets.nodes": "10.31.0.0/20",
            "network.egres": 1,
            "database.sku": ABSENT,
            "database.highAvailability": "Sometimes",
            "database.storageGb": 100,
            f"{POOL}.minNodes": 13,
            f"{POOL}.taint": [],
            f"{POOL}.osDiskSizeGb": "big",
            "cluster.podRange": "10.80.0.0/16",
            "concourse.web.replicas": 21,
        }
    )
    assert list(found) == [
        "clutser",
        "network.egres",
        "network.subnets.nodes",
        "cluster.workerPools[0].osDiskSizeGb",
        "cluster.workerPools[0].taint",
        "cluster.podRange",
        "cluster.workerPools[0].minNodes",
        "database.highAvailability",
        "database.storageGb",
        "concourse.web.replicas",
        "workers",
    ]


def test_rules_skip_fields_that_could_not_be_read():
    """Without a valid VM size, no rule checks the disk size."""
    assert set(problems({f"{POOL}.vmSize": 8, "cluster.podRange": "x"})) == {
        "cluster.workerPools[0].vmSize",
        "cluster.podRange",
    }


def test_an_empty_file_is_reported_with_all_required_keys():
    with pytest.raises(SettingsError) as refused:
        validate({}, "nope")
    assert {problem.key for problem in refused.value.problems} == {
        field.alias for field in Settings.model_fields.values() if field.is_required()
    }
    assert str(refused.value).startswith("Pulumi.nope.yaml has 13 problems:\n  azure: missing; for example")


def test_examples_in_messages_are_valid():
    with pytest.raises(SettingsError) as refused:
        validate({}, "nope")
    given = re.findall(r"for example `(platform:\w+): (.*)`$", str(refused.value), re.MULTILINE)
    given = {key: json.loads(value) for key, value in given}
    with pytest.raises(SettingsError) as rest:
        validate(given, "nope")
    # The example does without a database subnet, a zone and groups of Grafana, and is right but for that.
    assert [problem.key for problem in rest.value.problems] == [
        "database.access",
        "dns.zoneId",
        "entra.grafana",
    ]


@pytest.mark.parametrize("stack", ["Prod", "a", "my-stack", "averylongname"])
def test_a_stack_name_must_fit_azures_names(stack):
    with pytest.raises(SettingsError, match="2 to 12 of a-z and 0-9"):
        validate(stack_config("prod"), stack)


def test_the_engines_own_keys_are_accepted():
    validate(stack_config("demo") | {"pulumi:autonaming": {}}, "demo")


def test_the_largest_number_of_web_nodes_is_accepted():
    validate(changed({"concourse.web.replicas": 20}), "prod")
    assert 20 * CONNECTIONS_PER_WEB <= 1703 < 21 * CONNECTIONS_PER_WEB


def test_settings_are_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        validate(stack_config("demo"), "demo").protected = True


def test_a_region_without_zones_can_be_used():
    pool = {"azure.location": "ukwest", "database.highAvailability": "SameZone"}
    pool["storage.charts"], pool["storage.backups"] = "LRS", "GRS"
    for name in ("cluster.platformPools.0", POOL):
        pool[f"{name}.zones"] = []
    pool["cluster.systemPool"] = {"zones": []}
    validate(changed(pool), "prod")


def test_tags_name_owner_and_cost_center():
    tags = validate(stack_config("prod"), "prod").tags
    assert azure_tags(tags, "prod") == {
        "environment": "prod",
        "owner": "delivery",
        "cost-center": "4711",
        "managed-by": "pulumi",
    }


def test_the_schema_for_editors_is_current():
    assert json.loads(SCHEMA.read_text()) == schema(), "run make generate"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_names_its_schema(stack):
    first = (ROOT / f"Pulumi.{stack}.yaml").read_text().partition("\n")[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT)}"


def test_every_setting_has_a_description():
    for name, definition in schema()["$defs"].items():
        assert definition.get("description"), name
        for key, field in definition.get("properties", {}).items():
            assert field.get("description") or "$ref" in field, f"{name}.{key}"


def test_rules_of_nested_models_run():
    class Inner(Model):
        def rules(self):
            return (self._wrong,)

        def _wrong(self):
            yield module.Problem("x", "wrong")

    class Outer(Model):
        one: Inner
        many: tuple[Inner, ...]

    _, found = module.read(Outer, {"one": {}, "many": [{}, {}]})
    assert [problem.key for problem in found] == ["one.x", "many[0].x", "many[1].x"]


@pytest.mark.parametrize("given", [{"number": 1}, {"number": "wrong"}])
def test_a_misspelt_field_in_a_rule_is_an_error_whatever_else_is_wrong(given):
    class Faulty(Model):
        number: int

        def rules(self):
            return (self._fault,)

        def _fault(self):
            yield self.numbr

    with pytest.raises(AttributeError):
        module.read(Faulty, given)


def test_a_rule_on_an_invalid_field_reports_nothing():
    class Ruled(Model):
        number: int

        def rules(self):
            return (self._positive,)

        def _positive(self):
            if self.number < 0:
                yield module.Problem("number", "negative")

    _, found = module.read(Ruled, {"number": "wrong"})
    assert [problem.key for problem in found] == ["number"]


def test_the_dns_service_has_the_tenth_address_by_default():
    cluster = ClusterSettings.model_validate(stack_config("prod")["platform:cluster"])
    assert str(cluster.dns_address) == "10.0.0.10"
