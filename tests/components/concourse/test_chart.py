"""Concourse's real chart with our values: Concourse's variables. Needs the chart in CHARTS_DIR."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components.kubernetes.charts import CHARTS
from tests.components.concourse import test_web
from tests.support.leaves import leaves
from tests.support.recorder import ROOT, revealed
from tools.setup import cache

KNOWN = ROOT / "tests" / "data" / "concourse-env"
"""Every variable of each of Concourse's commands in 8.2.5 (`concourse web --help`)."""
CHART = CHARTS["concourse"]
ARCHIVE = Path(os.environ.get("CHARTS_DIR", "nowhere")) / f"concourse-{CHART.version}.tgz"
HELM = shutil.which("helm") or next(map(str, cache().glob("helm-*/helm")), "")
pytestmark = pytest.mark.skipif(
    not (ARCHIVE.exists() and HELM), reason=f"needs helm, and {ARCHIVE.name} in CHARTS_DIR"
)
RELEASE = "kubernetes:helm.sh/v3:Release"
OF_THE_POD = {"POD_IP", "POD_NAME", "POD_UID"}
"""Variables that other variables are made of. Concourse does not read them."""


def templated(values, release, namespace, folder):
    """The objects that the chart renders from values, by (kind, name)."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    command = [HELM, "template", release, str(ARCHIVE), "--namespace", namespace]
    command += ["--values", str(file), "--kube-version", "1.36.0"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    objects = [found for found in yaml.safe_load_all(text) if found]
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


@pytest.fixture(scope="session")
def rendered(run_stack, tmp_path_factory):
    """Objects that the chart renders for a stack's release, by (kind, name)."""
    done = {}

    def render(stack, release):
        if (stack, release) not in done:
            inputs = revealed(run_stack(stack).named(RELEASE)[release].inputs)
            done[stack, release] = templated(
                inputs["values"], release, inputs["namespace"], tmp_path_factory.mktemp("values")
            )
        return done[stack, release]

    return render


def variables(container):
    """The variables of a container, with their values or their keys in a Secret."""
    entries = container.get("env", [])
    names = [entry["name"] for entry in entries]
    assert len(names) == len(set(names)), "the API server refuses duplicate names"
    return {
        entry["name"]: entry.get("value") or entry["valueFrom"].get("secretKeyRef", {}).get("key")
        for entry in entries
        if entry["name"] not in OF_THE_POD
    }


@pytest.fixture
def web(rendered):
    return rendered("prod", "concourse")["Deployment", "concourse-web"]["spec"]["template"]["spec"]


@pytest.fixture
def worker(rendered):
    return rendered("prod", "workers1")["StatefulSet", "workers1-worker"]["spec"]["template"]["spec"]


PLACEMENT = "limit-active-containers,volume-locality,fewest-build-containers"
ARTICLE = {
    # The article's settings, logins, retention and placement, with the values of prod.
    "CONCOURSE_ENCRYPTION_KEY": "encryption-key",
    "CONCOURSE_CONTAINER_PLACEMENT_STRATEGY": PLACEMENT,
    "CONCOURSE_MAX_ACTIVE_CONTAINERS_PER_WORKER": "200",
    "CONCOURSE_BAGGAGECLAIM_RESPONSE_HEADER_TIMEOUT": "2m",
    "CONCOURSE_MAX_BUILD_LOGS_TO_RETAIN": "2000",
    "CONCOURSE_DEFAULT_BUILD_LOGS_TO_RETAIN": "200",
    "CONCOURSE_DEFAULT_DAYS_TO_RETAIN_BUILD_LOGS": "30",
    "CONCOURSE_POSTGRES_SSLMODE": "verify-full",
    "CONCOURSE_POSTGRES_CA_CERT": "/concourse-postgresql/ca.cert",
    "CONCOURSE_POSTGRES_DATABASE": "concourse-prod",
    "CONCOURSE_POSTGRES_USER": "postgresql-user",
    "CONCOURSE_POSTGRES_PASSWORD": "postgresql-password",
    "CONCOURSE_TSA_HEARTBEAT_INTERVAL": "30s",
    "CONCOURSE_EXTERNAL_URL": "https://ci.example.org",
    "CONCOURSE_CLUSTER_NAME": "concourse-prod",
    "CONCOURSE_OIDC_ISSUER": "https://login.microsoftonline.com/0b8e4d52-6c1f-4f7a-b3d9-7e2a9c50f164/v2.0",
    "CONCOURSE_OIDC_CLIENT_ID": "oidc-client-id",
    "CONCOURSE_OIDC_CLIENT_SECRET": "oidc-client-secret",
    "CONCOURSE_OIDC_SCOPE": "openid,profile",
    "CONCOURSE_OIDC_GROUPS_KEY": "groups",
    "CONCOURSE_OIDC_USER_NAME_KEY": "preferred_username",
    "CONCOURSE_OIDC_SKIP_EMAIL_VERIFIED_VALIDATION": "true",
    "CONCOURSE_OIDC_DISABLE_GET_USER_INFO": "true",
    "CONCOURSE_MAIN_TEAM_CONFIG": "/main-team.yml",
    "CONCOURSE_ADD_LOCAL_USER": "local-users",
    "CONCOURSE_COOKIE_SECURE": "true",
    "CONCOURSE_AUTH_DURATION": "12h",
    "CONCOURSE_STRICT_TRANSPORT_SECURITY": "max-age=31536000",
    "CONCOURSE_CAPTURE_ERROR_METRICS": "true",
    "CONCOURSE_PROMETHEUS_BIND_PORT": "9391",
    "CONCOURSE_DEFAULT_TASK_CACHE_TTL": "168h",
}


def test_each_setting_sets_its_variable_of_the_web_nodes(web):
    found = variables(web["containers"][0])
    assert {name: found.get(name) for name in ARTICLE} == ARTICLE
    audited = [name for name in found if name.endswith("_AUDITING")]
    assert len(audited) == 9
    assert {found[name] for name in audited} == {"true"}


def test_without_vault_the_namespaces_of_teams_are_the_only_credential_manager(tmp_path):
    objects = templated(test_web.chart_values(), "concourse", "concourse", tmp_path)
    # The program creates the namespaces, and an account that may read Secrets in them.
    assert not {kind for kind, _ in objects} & {
        "Namespace",
        "ClusterRole",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    }
    pod = objects["Deployment", "concourse-web"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "concourse-web"
    assert pod.get("automountServiceAccountToken") is None  # the account decides
    found = variables(pod["containers"][0])
    managers = ("CONCOURSE_KUBERNETES_", "CONCOURSE_VAULT_", "CONCOURSE_SECRET_CACHE")
    assert {name: found[name] for name in found if name.startswith(managers)} == {
        "CONCOURSE_KUBERNETES_IN_CLUSTER": "true",
        "CONCOURSE_KUBERNETES_NAMESPACE_PREFIX": "team-",
    }


VAULT = {
    "CONCOURSE_VAULT_URL": "https://vault-active.vault.svc:8200",
    "CONCOURSE_VAULT_SERVER_NAME": "vault-active.vault.svc",
    "CONCOURSE_VAULT_CA_CERT": "/concourse-vault/ca.cert",
    "CONCOURSE_VAULT_PATH_PREFIX": "/secret/concourse",
    "CONCOURSE_VAULT_SHARED_PATH": "shared",
    "CONCOURSE_VAULT_AUTH_BACKEND": "approle",
    "CONCOURSE_VAULT_AUTH_PARAM": "vault-client-auth-param",
    "CONCOURSE_VAULT_ENABLE_KV_MOUNT_CACHE": "true",
    "CONCOURSE_SECRET_RETRY_ATTEMPTS": "2",
}


def test_vault_is_the_only_credential_manager_and_its_variables_exist(tmp_path):
    objects = templated(test_web.chart_values(vault=test_web.VAULT), "concourse", "concourse", tmp_path)
    pod = objects["Deployment", "concourse-web"]["spec"]["template"]["spec"]
    found = variables(pod["containers"][0])
    assert {name: found.get(name) for name in VAULT} == VAULT
    assert not [name for name in found if name.startswith("CONCOURSE_SECRET_CACHE")]
    assert set(found) <= set((KNOWN / "web.txt").read_text().split())
    others = ("KUBERNETES", "SSM", "SECRETSMANAGER", "CREDHUB", "CONJUR", "DUMMY")
    assert not [name for name in found if any(other in name for other in others)]


def test_each_setting_sets_its_variable_of_the_workers(worker):
    found = variables(worker["containers"][0])
    wanted = {
        "CONCOURSE_EPHEMERAL": "true",
        "CONCOURSE_BAGGAGECLAIM_DRIVER": "overlay",
        "CONCOURSE_RUNTIME": "containerd",
        "CONCOURSE_CONTAINERD_NETWORK_POOL": "10.80.0.0/16",
        "CONCOURSE_CONTAINERD_RESTRICTED_NETWORK": "169.254.169.254/32,168.63.129.16/32",
        "CONCOURSE_TSA_HOST": "concourse-web-worker-gateway.concourse.svc:2222",
        "CONCOURSE_CONNECTION_DRAIN_TIMEOUT": "7200s",
        "CONCOURSE_REBALANCE_INTERVAL": "2h",
    }
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("stack", ["infra", "staging", "prod", "demo"])
def test_every_variable_exists_in_concourse(rendered, stack):
    web = rendered(stack, "concourse")["Deployment", "concourse-web"]["spec"]["template"]["spec"]
    worker = rendered(stack, "workers1")["StatefulSet", "workers1-worker"]["spec"]["template"]["spec"]
    for container, command in (
        (web["containers"][0], "web"),
        (web["initContainers"][0], "migrate"),
        (worker["containers"][0], "worker"),
    ):
        known = (KNOWN / f"{command}.txt").read_text().split()
        unknown = set(variables(container)) - set(known)
        assert not unknown, command


def test_no_object_has_the_charts_published_credentials(rendered):
    chart = subprocess.run([HELM, "show", "values", str(ARCHIVE)], check=True, capture_output=True, text=True)
    published = yaml.safe_load(chart.stdout)["secrets"]
    published = [v for k, v in published.items() if isinstance(v, str) and (len(v) > 40 or k == "localUsers")]
    assert len(published) >= 5
    for release in ("concourse", "workers1"):
        text = yaml.safe_dump_all(rendered("prod", release).values())
        assert not [value for value in published if value.strip()[:60] in text]
        assert "test" not in [value for o in rendered("prod", release).values() for value in leaves(o)]


def test_the_chart_creates_no_database_secret_or_role(rendered):
    kinds = {kind for kind, _ in rendered("prod", "concourse")}
    assert kinds == {"ConfigMap", "Deployment", "Service"}
    kinds = {kind for kind, _ in rendered("prod", "workers1")}
    assert kinds == {"ConfigMap", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "StatefulSet"}
    assert not [name for _, name in rendered("prod", "concourse") if "postgres" in name]


def test_every_secret_key_that_the_chart_uses_exists(rendered, run_stack):
    made = run_stack("prod").named("kubernetes:core/v1:Secret")
    for release, kind, name in (
        ("concourse", "Deployment", "concourse-web"),
        ("workers1", "StatefulSet", "workers1-worker"),
    ):
        pod = rendered("prod", release)[kind, name]["spec"]["template"]["spec"]
        wanted = {
            (volume["secret"]["secretName"], item["key"])
            for volume in pod["volumes"]
            if "secret" in volume
            for item in volume["secret"].get("items") or ()
        }
        for container in (*pod["containers"], *(pod.get("initContainers") or ())):
            for entry in container.get("env", []):
                ref = entry.get("valueFrom", {}).get("secretKeyRef")
                if ref:
                    wanted.add((ref["name"], ref["key"]))
        assert wanted
        for secret, key in wanted:
            assert key in revealed(made[secret].inputs["stringData"]), (secret, key)


def test_pods_have_no_api_token_and_no_service_links_and_use_one_image(rendered, run_stack):
    accounts = run_stack("prod").named("kubernetes:core/v1:ServiceAccount")
    images = set()
    for release, kind, name in (
        ("concourse", "Deployment", "concourse-web"),
        ("workers1", "StatefulSet", "workers1-worker"),
    ):
        pod = rendered("prod", release)[kind, name]["spec"]["template"]["spec"]
        assert accounts[pod["serviceAccountName"]].inputs["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        images |= {c["image"] for c in (*pod["containers"], *(pod.get("initContainers") or ()))}
    assert images == {"concourse/concourse:8.2.5"}
