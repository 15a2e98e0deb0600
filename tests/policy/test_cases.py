"""Rules case by case: where each draws its line."""

import pytest

from policy.checker import Checker
from policy.rule import STACK
from policy.rules import RULES
from policy.stack import Stack
from tests.support.recorder import secret

RELEASE = "kubernetes:helm.sh/v3:Release"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
JOB = "kubernetes:batch/v1:Job"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
AZURE = "azure-native:"
ASSIGNMENT = AZURE + "authorization:RoleAssignment"
SUBSCRIPTION = "/subscriptions/a3f08b6d-17c2-4d59-b0e5-4f9a6d3c2e71"
CONTRIBUTOR = (
    f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
)
OWNER = (
    f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
)
UNPROTECTED = Stack()
DIGEST = "@sha256:" + "0" * 64


def violated(rule, type_, inputs, *, name="x", stack=UNPROTECTED):
    """Whether a resource violates one rule."""
    checker = Checker([each for each in RULES if each.name == rule], stack)
    resource = checker.resource(type_, name, f"urn:{name}", inputs, protect=False)
    return bool(checker.violations(resource) or checker.violations_together())


def values(**given):
    return {"chart": "x", "version": "1.2.3", "values": given}


def containers(**container):
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def variable(name, value):
    return containers(env=[{"name": name, "value": value}])


SECRETS = [
    (RELEASE, values(password="tr0ub4dor"), True),
    (RELEASE, values(adminPassword="tr0ub4dor"), True),
    (RELEASE, values(web={"vault": {"token": "s.abc"}}), True),
    (RELEASE, values(config="postgres://concourse:tr0ub4dor@db/atc"), True),
    (RELEASE, values(config="-----BEGIN EC PRIVATE KEY-----\n"), True),
    (RELEASE, values(config="url: https://hooks.slack.com/services/T0/B0/x"), True),
    (RELEASE, values(anything=secret("harmless")), True),
    (RELEASE, values(password=""), False),
    (RELEASE, values(password="$PASSWORD"), False),
    (RELEASE, values(bearer_token="/var/run/secrets/token"), False),
    (RELEASE, values(admin={"passwordKey": "admin-password", "existingSecret": "grafana"}), False),
    (RELEASE, values(env={"existingSecretMappings": {"BASIC_AUTH_PASS": "password"}}), False),
    (RELEASE, values(annotations={"checksum/consul-token": "9c41"}), False),
    (RELEASE, values(config="-----BEGIN CERTIFICATE-----\n"), False),
    (RELEASE, values(url="https://$USER:$PASSWORD@db/"), False),
    (CONFIG_MAP, {"data": {"config": "hvs.CAESIJ2k3l4m5n6o7p8q9r0s1t2u3v4w5x6y7z"}}, True),
    (CONFIG_MAP, {"data": {"role.sql": "ALTER ROLE x PASSWORD :'verifier'"}}, False),
    (JOB, variable("PGPASSWORD", "tr0ub4dor"), True),
    (JOB, variable("CONSUL_TOKEN_FILE", "/token/token"), False),
    (JOB, containers(env=[{"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "x"}}}]), False),
]


@pytest.mark.parametrize(("type_", "inputs", "refused"), SECRETS)
def test_a_secret_in_plain_text_is_refused_and_a_reference_is_not(type_, inputs, refused):
    assert violated("no-plain-secrets", type_, inputs) == refused


@pytest.mark.parametrize(
    ("outputs", "refused"),
    [
        ({"urls": {"vault": "https://vault.example.org"}, "client_ids": {"vault": "6a1f"}}, False),
        ({"admin_password": "tr0ub4dor"}, True),
        ({"database": {"url": "postgres://a:b@db/atc"}}, True),
        ({"anything": secret("harmless")}, True),
    ],
)
def test_a_secret_output_is_refused(outputs, refused):
    assert violated("no-secret-outputs", STACK, outputs) == refused


TLS = [
    ("verified-tls", RELEASE, values(vault={"insecureSkipVerify": True}), True),
    ("verified-tls", RELEASE, values(vault={"insecureSkipVerify": False}), False),
    ("verified-tls", RELEASE, values(**{"elasticsearch.ssl.verificationMode": "none"}), True),
    ("verified-tls", RELEASE, values(**{"elasticsearch.ssl.verificationMode": "full"}), False),
    ("verified-tls", RELEASE, values(outputs="  tls On\n  tls.verify Off\n"), True),
    ("verified-tls", RELEASE, values(outputs="  tls On\n  tls.verify On\n"), False),
    ("verified-tls", CONFIG_MAP, {"data": {"x.py": "ssl._create_unverified_context()"}}, True),
    ("verified-tls", CONFIG_MAP, {"data": {"x.sh": "curl -sk https://x"}}, True),
    ("verified-tls", CONFIG_MAP, {"data": {"x.sh": "curl -s https://x-k"}}, False),
    ("verified-tls", JOB, variable("VAULT_SKIP_VERIFY", "true"), True),
    ("verified-tls", JOB, variable("VAULT_SKIP_VERIFY", "false"), False),
    ("verified-tls", "pulumi:providers:vault", {"skipTlsVerify": "true"}, True),
    ("verified-tls", "pulumi:providers:vault", {"skipTlsVerify": "false"}, False),
    ("verified-database", JOB, variable("PGSSLMODE", "require"), True),
    ("verified-database", JOB, variable("PGSSLMODE", "verify-full"), False),
    ("tls-1.2", "kubernetes:traefik.io/v1alpha1:TLSOption", {"spec": {"minVersion": "VersionTLS11"}}, True),
    ("tls-1.2", "kubernetes:traefik.io/v1alpha1:TLSOption", {"spec": {"minVersion": "VersionTLS12"}}, False),
    ("tls-1.2", RELEASE, values(config='tls_min_version = "tls10"'), True),
    ("tls-1.2", RELEASE, values(config='tls_min_version = "tls12"'), False),
    ("tls-on", RELEASE, values(ha={"config": 'listener "tcp" {\n  tls_disable = 1\n}'}), True),
    ("tls-on", RELEASE, values(**{"global": {"tlsDisable": True}}), True),
    ("tls-on", "kubernetes:traefik.io/v1alpha1:IngressRoute", {"spec": {"entryPoints": ["web"], "tls": {}}}, True),
    ("tls-on", RELEASE, {"chart": "consul", "version": "2.0.3", "values": {"global": {"tls": {"enabled": True}}}}, True),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "type_", "inputs", "refused"), TLS)
def test_a_connection_that_is_not_encrypted_or_not_verified_is_refused(rule, type_, inputs, refused):
    assert violated(rule, type_, inputs) == refused


@pytest.mark.parametrize(
    ("stack", "refused"),
    [
        (Stack(test_certificates=True), False),
        (Stack(test_certificates=True, protected=True), True),
        (Stack(), True),
    ],
)
def test_only_a_trial_with_test_certificates_may_leave_vaults_unverified(stack, refused):
    provider = {"skipTlsVerify": "true"}
    assert violated("verified-tls", "pulumi:providers:vault", provider, stack=stack) == refused
    assert violated("verified-tls", RELEASE, values(skipTlsVerify=True), stack=stack)


PINS = [
    ("pinned-charts", RELEASE, {"version": "1.2.3"}, False),
    ("pinned-charts", RELEASE, {"version": "v1.21.1"}, False),
    ("pinned-charts", RELEASE, {"version": ">=1.2.3"}, True),
    ("pinned-charts", RELEASE, {"version": "^1.2.3"}, True),
    ("pinned-charts", RELEASE, {}, True),
    ("pinned-images", RELEASE, values(image={"repository": "x", "tag": "latest"}), True),
    ("pinned-images", RELEASE, values(image={"repository": "x", "tag": "2.7.12-alpine"}), False),
    ("pinned-images", RELEASE, values(image={"repository": "x", "tag": ""}), False),  # the chart's own
    ("pinned-images", RELEASE, values(worker={"tag": "deployers"}), False),
    ("pinned-images", RELEASE, values(image="concourse/concourse"), True),
    ("pinned-images", RELEASE, values(image="concourse/concourse", imageTag="8.2.5"), False),
    ("pinned-images", RELEASE, values(image="registry.example.org:5000/concourse/concourse"), True),
    ("pinned-images", RELEASE, values(image=f"python:3.13-slim{DIGEST}"), False),
    ("pinned-images", JOB, containers(image=f"python:3.13-slim{DIGEST}"), False),
    ("pinned-images", JOB, containers(image="python:3.13.1"), True),
]


@pytest.mark.parametrize(("rule", "type_", "inputs", "refused"), PINS)
def test_a_version_that_moves_is_refused(rule, type_, inputs, refused):
    assert violated(rule, type_, inputs) == refused


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("*", True),
        ("sys/*", True),
        ("+/data/concourse", True),
        ("auth/approle/role/+/secret-id", True),
        ("secret/*", True),  # all teams
        ("secret/data/concourse/*", False),
        ("secret/data/+/shared", False),
        ("sys/mounts/secret", False),
    ],
)
def test_a_wildcard_outside_the_subtrees_of_the_mount_is_refused(path, refused):
    text = f'path "{path}" {{\n  capabilities = ["read"]\n}}\n'
    assert violated("vault-paths", "vault:index/policy:Policy", {"policy": text}) == refused
    assert violated("vault-paths", CONFIG_MAP, {"data": {"operator.hcl": text}}) == refused


@pytest.mark.parametrize(
    ("name", "scope", "role", "refused"),
    [
        ("deployer-prod-contributor", SUBSCRIPTION, CONTRIBUTOR, False),
        ("deployer-prod-owner", SUBSCRIPTION, OWNER, True),
        ("backup", SUBSCRIPTION, CONTRIBUTOR, True),
        ("backup", f"{SUBSCRIPTION}/resourceGroups/stateful", CONTRIBUTOR, False),
        ("deployer-prod", "/providers/Microsoft.Management/managementGroups/all", CONTRIBUTOR, True),
        ("deployer-prod", "/", CONTRIBUTOR, True),
    ],
)
def test_a_role_on_a_whole_subscription_is_for_deployers_only(name, scope, role, refused):
    inputs = {"scope": scope, "roleDefinitionId": role, "principalType": "ServicePrincipal"}
    assert violated("subscription-roles", ASSIGNMENT, inputs, name=name) == refused


SECURITY_GROUP = AZURE + "network:NetworkSecurityGroup"
INBOUND = {"name": "x", "access": "Allow", "direction": "Inbound"}
CLUSTER = AZURE + "containerservice:ManagedCluster"
FIREWALL = AZURE + "dbforpostgresql:FirewallRule"
WAYS_IN = [
    ("closed-ports", SECURITY_GROUP, {"securityRules": [INBOUND | {"sourceAddressPrefix": "*", "destinationPortRange": "22"}]}, True),
    ("closed-ports", SECURITY_GROUP, {"securityRules": [INBOUND | {"sourceAddressPrefixes": ["0.0.0.0/0"], "destinationPortRange": "*"}]}, True),
    ("closed-ports", SECURITY_GROUP, {"securityRules": [INBOUND | {"sourceAddressPrefix": "10.0.0.0/8", "destinationPortRange": "22"}]}, False),
    ("closed-ports", SECURITY_GROUP, {"securityRules": [INBOUND | {"access": "Deny", "sourceAddressPrefix": "*", "destinationPortRange": "*"}]}, False),
    ("closed-database", FIREWALL, {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}, True),
    ("closed-database", FIREWALL, {"startIpAddress": "203.0.113.0", "endIpAddress": "203.0.113.255"}, False),
    ("closed-database", FIREWALL, {"startIpAddress": "203.0.113.0", "endIpAddress": "203.0.114.0"}, True),
    ("closed-by-default", AZURE + "storage:StorageAccount", {}, True),
    ("closed-by-default", AZURE + "storage:StorageAccount", {"networkRuleSet": {"defaultAction": "Deny"}}, False),
    ("closed-by-default", AZURE + "keyvault:Vault", {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "0.0.0.0/0"}]}}}, True),
    ("closed-by-default", AZURE + "keyvault:Vault", {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/28"}]}}}, False),
    ("closed-api-server", CLUSTER, {"apiServerAccessProfile": {"disableRunCommand": True}}, True),
    ("closed-api-server", CLUSTER, {"apiServerAccessProfile": {"disableRunCommand": True, "authorizedIPRanges": ["0.0.0.0/0"]}}, True),
    ("closed-api-server", CLUSTER, {"apiServerAccessProfile": {"disableRunCommand": True, "authorizedIPRanges": ["203.0.113.0/28"]}}, False),
    ("closed-api-server", CLUSTER, {"apiServerAccessProfile": {"disableRunCommand": True, "enablePrivateCluster": True}}, False),
    ("one-way-in", "kubernetes:core/v1:Service", {"spec": {"type": "NodePort"}}, True),
    ("one-way-in", "kubernetes:core/v1:Service", {"spec": {"type": "ClusterIP"}}, False),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "type_", "inputs", "refused"), WAYS_IN)
def test_a_way_in_that_is_open_to_everybody_is_refused(rule, type_, inputs, refused):
    assert violated(rule, type_, inputs) == refused


SIZED = {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "8Mi"}}


@pytest.mark.parametrize(
    ("type_", "inputs", "refused"),
    [
        (JOB, containers(resources=SIZED), False),
        (JOB, containers(), True),
        (JOB, containers(resources={"limits": {"memory": "8Mi"}}), True),
        (DEPLOYMENT, containers(resources=SIZED | {"limits": {"cpu": "1"}}), True),
        (RELEASE, values(), True),
        (RELEASE, values(resources=SIZED), False),
        (RELEASE, values(resources=SIZED, sidecar={"resources": {"requests": {"cpu": "1"}}}), True),
        (RELEASE, values(resources=SIZED, claim={"resources": {"requests": {"storage": "1Gi"}}}), False),
        (RELEASE, {"chart": "oci://x/prometheus-operator-crds", "version": "1.2.3"}, False),
    ],
)
def test_a_container_without_requests_or_a_memory_limit_is_refused(type_, inputs, refused):
    assert violated("requests-and-limit", type_, inputs) == refused


def deny(**spec):
    return {
        "metadata": {"namespace": "x"},
        "spec": {"policyTypes": ["Ingress", "Egress"], "podSelector": {}} | spec,
    }


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        (deny(), False),
        (deny(policyTypes=["Ingress"]), True),
        (deny(podSelector={"matchLabels": {"app": "x"}}), True),
        (deny(egress=[{}]), True),
        (deny() | {"metadata": {"namespace": "y"}}, True),
    ],
)
def test_a_namespace_without_a_policy_that_denies_by_default_is_refused(policy, refused):
    checker = Checker(RULES, Stack())
    checker.resource("kubernetes:core/v1:Namespace", "x", "urn:x", {"metadata": {"name": "x"}}, protect=False)
    type_ = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
    checker.resource(type_, "x-deny-all", "urn:policy", policy, protect=False)
    assert [each.rule.name for each in checker.violations_together()] == ["default-deny"] * refused


LOGINS = [
    ("no-default-logins", {"chart": "concourse", "version": "1.2.3", "values": {}}, True),
    ("no-default-logins", {"chart": ".charts/grafana-1.2.3.tgz", "version": "1.2.3", "values": {}}, True),
    ("no-default-logins", {"chart": "oci://x/grafana", "version": "1.2.3", "values": {"admin": {"existingSecret": "x"}}}, False),
    ("no-default-logins", {"chart": "traefik", "version": "1.2.3", "values": {}}, False),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "inputs", "refused"), LOGINS)
def test_a_login_that_a_chart_has_by_default_is_refused(rule, inputs, refused):
    assert violated(rule, RELEASE, inputs) == refused


PASSWORD = "azuread:index/applicationPassword:ApplicationPassword"
APPROLE = "vault:appRole/authBackendRole:AuthBackendRole"


@pytest.mark.parametrize(
    ("type_", "inputs", "refused"),
    [
        (PASSWORD, {"endDateRelative": "4320h"}, False),
        (PASSWORD, {"endDateRelative": "8785h"}, True),
        (PASSWORD, {}, True),  # Entra's default is two years
        (APPROLE, {"tokenTtl": 1800}, False),
        (APPROLE, {"tokenPeriod": 3600}, False),
        (APPROLE, {"tokenTtl": 0}, True),
        (APPROLE, {}, True),
    ],
)
def test_a_credential_without_an_end_is_refused(type_, inputs, refused):
    assert violated("credentials-expire", type_, inputs) == refused


@pytest.mark.parametrize(
    ("days", "protected", "refused"),
    [(6, False, True), (7, False, False), (13, True, True), (14, True, False)],
)
def test_backups_reach_back_to_the_floor(days, protected, refused):
    inputs = {"backup": {"backupRetentionDays": days}}
    stack = Stack(protected=protected)
    assert violated("database-backups", AZURE + "dbforpostgresql:Server", inputs, stack=stack) == refused
