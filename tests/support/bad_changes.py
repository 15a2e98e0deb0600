"""One bad change for each rule, in the engine's own form: for recorded inputs and for the engine alike."""

from typing import Any, NamedTuple

from tests.support.recorder import secret

RELEASE = "kubernetes:helm.sh/v3:Release"
AZURE = "azure-native:"
KEY_VAULT = AZURE + "keyvault:Vault"
ACCOUNT = AZURE + "storage:StorageAccount"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
WEB = "values/concourse/web"
GONE = "GONE"
"""Instead of a value: the key is removed."""


class BadChange(NamedTuple):
    """A change of one input that a rule refuses. Keys and indices of its path are joined by /."""

    rule: str
    type: str
    name: str
    path: str
    value: Any
    told: str
    """What the violation says."""


BAD_CHANGES = [
    BadChange(*row)
    for row in (
        # Data
        ("protected-data", AZURE + "dbforpostgresql:Database", "database", "protect", False, "it holds data"),
        ("database-backups", AZURE + "dbforpostgresql:Server", "database", "backup/backupRetentionDays", 13,
         "backup.backupRetentionDays is 13: 14 days are the least here"),
        ("deleted-blobs-kept", AZURE + "storage:BlobServiceProperties", "backups", "isVersioningEnabled",
         False, "isVersioningEnabled is False"),
        ("key-vault-kept", KEY_VAULT, "keys", "properties/enablePurgeProtection", GONE,
         "properties.enablePurgeProtection is None"),
        ("retained-disks", RELEASE, "grafana", "values/persistence/storageClassName", "scratch",
         "values.persistence.storageClassName is scratch"),
        # TLS
        ("encrypted-database", AZURE + "dbforpostgresql:Configuration", "database-require_secure_transport",
         "value", "off", "require_secure_transport is off"),
        ("verified-database", RELEASE, "concourse", WEB + "/postgres/sslmode", "require",
         "values.concourse.web.postgres.sslmode is require"),
        ("verified-tls", RELEASE, "kube-prometheus-stack",
         "values/kubelet/serviceMonitor/insecureSkipVerify", True,
         "values.kubelet.serviceMonitor.insecureSkipVerify is True"),
        ("tls-1.2", ACCOUNT, "charts", "minimumTlsVersion", "TLS1_1",
         "minimumTlsVersion is TLS1_1"),
        ("tls-on", ACCOUNT, "backups", "enableHttpsTrafficOnly", False,
         "enableHttpsTrafficOnly is False"),
        # Secrets and logins
        ("no-plain-secrets", RELEASE, "telegraf", "values/config/agent/hostname", secret("marked"),
         "values.config.agent.hostname is a secret of the program"),
        ("no-secret-outputs", "pulumi:pulumi:Stack", "platform-staging", "database_password", "secret-2026",
         "the output database_password is a secret"),
        ("no-default-logins", RELEASE, "influxdb2", "values/adminUser/existingSecret", GONE,
         "values.adminUser.existingSecret is None"),
        ("credentials-expire", "azuread:index/applicationPassword:ApplicationPassword", "grafana",
         "endDateRelative", "17520h", "endDateRelative is 17520h"),
        ("no-shared-keys", ACCOUNT, "backups", "allowSharedKeyAccess", True,
         "allowSharedKeyAccess is True"),
        ("managed-identities", AZURE + "containerservice:ManagedCluster", "cluster", "disableLocalAccounts",
         False, "disableLocalAccounts is False"),
        # Ways in
        ("closed-by-default", KEY_VAULT, "keys", "properties/networkAcls/defaultAction", "Allow",
         "properties.networkAcls.defaultAction is Allow"),
        ("no-public-blobs", ACCOUNT, "charts", "allowBlobPublicAccess", True,
         "allowBlobPublicAccess is True"),
        ("closed-database", AZURE + "dbforpostgresql:FirewallRule", "database-egress-1", "startIpAddress",
         "0.0.0.0", "it starts at 0.0.0.0, which means all of Azure"),
        ("closed-api-server", AZURE + "containerservice:ManagedCluster", "cluster",
         "apiServerAccessProfile/disableRunCommand", False,
         "apiServerAccessProfile.disableRunCommand is False"),
        ("closed-ports", AZURE + "network:NetworkSecurityGroup", "network-nodes",
         "securityRules/0/destinationPortRanges", ["22", "443"], "web admits the internet to 22"),
        # The cluster
        ("namespace-level", "kubernetes:core/v1:Namespace", "backup",
         "metadata/labels/pod-security.kubernetes.io~1enforce", "privileged",
         "the label pod-security.kubernetes.io/enforce is privileged"),
        ("default-deny", "kubernetes:networking.k8s.io/v1:NetworkPolicy", "backup-deny-all",
         "spec/policyTypes", ["Ingress"], "no policy selects all of its pods"),
        ("requests-and-limit", RELEASE, "vault", "values/server/resources/limits/memory", GONE,
         "values.server.resources lacks limits.memory"),
        ("no-wildcard-rights", RBAC + "Role", "grafana-dashboards",
         "rules/0/verbs", ["*"], "rules[0].verbs has *"),
        ("one-way-in", RELEASE, "influxdb2", "values/service", {"port": 8086, "type": "LoadBalancer"},
         "values.service.type is LoadBalancer"),
        # Versions
        ("pinned-charts", RELEASE, "telegraf-ds", "version", "1.1", "version is 1.1"),
        ("pinned-images", RELEASE, "concourse", "values/imageTag", "8", "values.imageTag is 8"),
        # Teams
        ("no-secret-cache", RELEASE, "concourse", WEB + "/secretCacheEnabled", True,
         "values.concourse.web.secretCacheEnabled is on"),
        ("lookups-by-team", RELEASE, "concourse", WEB + "/vault/lookupTemplates",
         ["/{{.Team}}/{{.Pipeline}}/{{.Secret}}"], "a pipeline named `..` would read other teams' secrets"),
        ("secrets-of-teams", RELEASE, "concourse", WEB + "/kubernetes/createTeamNamespaces", True,
         "such a namespace is open to all pods"),
        ("rights-of-web", RBAC + "ClusterRoleBinding", "traefik-crds", "subjects",
         [{"kind": "ServiceAccount", "name": "concourse-web", "namespace": "concourse"}],
         "concourse-web gets rights in all namespaces"),
        # Roles in Azure
        ("named-principals", AZURE + "authorization:RoleAssignment", "ingress-find", "principalType", GONE,
         "principalType is missing"),
        ("subscription-roles", AZURE + "authorization:RoleAssignment", "storage-classes-disks", "scope",
         "/subscriptions/a3f08b6d-17c2-4d59-b0e5-4f9a6d3c2e71",
         "it is for /subscriptions/a3f08b6d-17c2-4d59-b0e5-4f9a6d3c2e71"),
        # Vault
        ("vault-paths", "vault:index/policy:Policy", "app-roles-concourse", "policy",
         'path "sys/*" {\n  capabilities = ["read"]\n}\n', 'path "sys/*"'),
        # Tags
        ("tagged", AZURE + "network:VirtualNetwork", "network", "tags/cost-center", GONE,
         "the tag cost-center is missing"),
    )
]  # fmt: skip


def changed(inputs: Any, path: str, value: Any) -> None:
    """Change one input in place. `~1` is a slash in a key, as in JSON Pointer (RFC 6901)."""
    *steps, last = (step.replace("~1", "/") for step in path.split("/"))
    for step in steps:
        inputs = inputs[int(step)] if isinstance(inputs, list) else inputs.setdefault(step, {})
    if value == GONE:
        inputs.pop(last, None)
    else:
        inputs[last] = value
