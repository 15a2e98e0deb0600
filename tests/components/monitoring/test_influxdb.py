"""InfluxDB and Telegraf: closed pods, one bucket, and passwords that are in Secrets alone."""

import pytest

from components.monitoring.influxdb import InfluxDb
from components.monitoring.influxdb_values import concourse, influxdb, nodes
from components.monitoring.settings import InfluxDbSettings
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
SETTINGS = InfluxDbSettings()
OF_TELEGRAF = {"password": "telegraf", "ca": "telegraf-ca", "stamp": "stamp"}


def made(run, *, protected=True, keep=None, **changes):
    def program():
        telemetry = InfluxDb(
            "telemetry",
            InfluxDbSettings.model_validate(changes),
            cluster_context(protected=protected),
        )
        if keep:
            keep(telemetry)

    return run(program)


def database(**changes):
    settings = InfluxDbSettings.model_validate(changes)
    return influxdb(settings, disk="retain", auth="influxdb-admin", certificate="influxdb-tls")


@pytest.mark.parametrize(("retention", "seconds"), [("36h", 129600), ("90d", 7776000), ("2w", 1209600)])
def test_a_retention_is_told_in_seconds(run, retention, seconds):
    assert database(retention=retention)["adminUser"]["retention_policy"] == f"{seconds}s"
    job = made(run, retention=retention).one("kubernetes:batch/v1:Job")
    [container] = job.inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "RETENTION_SECONDS", "value": str(seconds)} in container["env"]


def test_passwords_and_tokens_are_in_secrets_and_nowhere_else(run):
    recorder = made(run)
    secrets = recorder.named("kubernetes:core/v1:Secret")
    keys = {name: set(secret.inputs["stringData"]["value"]) for name, secret in secrets.items()}
    assert keys == {
        "influxdb-admin": {"admin-password", "admin-token"},
        "influxdb-setup": {"admin-token", "telegraf", "grafana"},
        "telegraf": {"password"},
        "telegraf-ds": {"password"},
    }
    for release in recorder.of_type(RELEASE):
        assert SECRET not in str(release.inputs), release.urn


def test_only_influxdb_and_its_job_have_the_administrators_token(run):
    """What runs on every node may write, and nothing else."""
    recorder = made(run)
    for release in recorder.of_type(RELEASE):
        if release.name != "influxdb2":
            assert "influxdb-admin" not in str(release.inputs)
            assert "influxdb-setup" not in str(release.inputs)


def test_a_rotation_makes_new_passwords_of_users_and_keeps_the_administrators(run):
    """InfluxDB takes its administrator's when its disk is empty, and never again."""

    def keepers(month):
        passwords = made(run, rotation=month).named("random:index/randomPassword:RandomPassword")
        return {name: password.inputs.get("keepers") for name, password in passwords.items()}

    first, second = keepers("2026-11"), keepers("2026-12")
    assert {name for name in first if first[name] != second[name]} == {
        "influxdb-telegraf",
        "influxdb-grafana",
    }


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_with_the_disk_is_protected_where_the_stack_says_so(run, protected):
    for name, release in made(run, protected=protected).named(RELEASE).items():
        assert release.options.get("protect", False) is (protected and name == "influxdb2")


def test_all_speak_tls_with_influxdb_and_verify_it():
    told = database()
    assert {"name": "INFLUXD_TLS_CERT", "value": "/tls/tls.crt"} in told["env"]
    assert {told[probe]["scheme"] for probe in told if probe.endswith("Probe")} == {"HTTPS"}
    for telegraf in (concourse(SETTINGS, **OF_TELEGRAF), nodes(SETTINGS, **OF_TELEGRAF)):
        [output] = [each["influxdb"] for each in telegraf["config"]["outputs"]]
        assert output["urls"] == ["https://influxdb2.monitoring.svc:8086"]
        assert output["tls_ca"] == "/etc/telegraf-ca/ca.crt"
        assert "insecure_skip_verify" not in output


def test_a_kubelet_proves_who_it_is_before_it_sees_a_token():
    [kubelet] = [
        each["kubernetes"]
        for each in nodes(SETTINGS, **OF_TELEGRAF)["config"]["inputs"]
        if "kubernetes" in each
    ]
    assert kubelet["tls_ca"].endswith("/serviceaccount/ca.crt")
    assert "insecure_skip_verify" not in kubelet


def test_telegraf_may_ask_kubelets_for_numbers_and_not_run_commands(run):
    """The chart's role has nodes/proxy, by which one runs anything in any pod."""
    recorder = made(run)
    [rule] = recorder.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole").inputs["rules"]
    assert rule == {"apiGroups": [""], "resources": ["nodes/stats", "nodes/pods"], "verbs": ["get"]}
    for name in ("telegraf", "telegraf-ds"):
        assert recorder.named(RELEASE)[name].inputs["values"]["rbac"] == {"create": False}


def test_every_node_has_a_telegraf_and_every_web_node_of_concourse_is_asked():
    assert nodes(SETTINGS, **OF_TELEGRAF)["tolerations"] == [{"operator": "Exists"}]
    [asked] = [each["prometheus"] for each in concourse(SETTINGS, **OF_TELEGRAF)["config"]["inputs"]]
    assert asked["kubernetes_services"] == ["http://concourse-web-prometheus.concourse.svc:9391/metrics"]


def test_no_budget_of_a_single_pod_keeps_a_node_from_being_drained():
    assert database()["pdb"] == {"create": False}
    assert concourse(SETTINGS, **OF_TELEGRAF)["pdb"] == {"create": False}


def test_no_cpu_limit_of_the_chart_slows_what_runs_on_nodes():
    assert nodes(SETTINGS, **OF_TELEGRAF)["resources"]["limits"]["cpu"] is None


def test_grafana_reads_as_its_own_user(run):
    kept = []
    recorder = made(run, keep=lambda telemetry: kept.append(telemetry.source))
    [source] = kept
    assert (source.user, source.data["dbName"]) == ("grafana", "telegraf")
    assert source.url == f"https://{recorder.named(RELEASE)['influxdb2'].name}.monitoring.svc:8086"
