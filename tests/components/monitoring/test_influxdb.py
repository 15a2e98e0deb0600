"""InfluxDB and Telegraf: TLS, permissions, and passwords that are in Secrets only."""

import pytest

from components.monitoring.influxdb import InfluxDb
from components.monitoring.influxdb_values import concourse, influxdb, nodes
from components.monitoring.settings import InfluxDbSettings
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
SETTINGS = InfluxDbSettings()
TELEGRAF = {"password": "telegraf", "ca": "telegraf-ca", "config_checksum": "checksum"}


def made(run, *, protected=True, keep=None, **changes):
    def program():
        influx = InfluxDb(
            "influx",
            InfluxDbSettings.model_validate(changes),
            cluster_context(protected=protected),
        )
        if keep:
            keep(influx)

    return run(program)


def database(**changes):
    settings = InfluxDbSettings.model_validate(changes)
    return influxdb(settings, disk="retain", auth="influxdb-admin", certificate="influxdb-tls")


@pytest.mark.parametrize(("retention", "seconds"), [("36h", 129600), ("90d", 7776000), ("2w", 1209600)])
def test_the_retention_is_converted_to_seconds(run, retention, seconds):
    assert database(retention=retention)["adminUser"]["retention_policy"] == f"{seconds}s"
    job = made(run, retention=retention).one("kubernetes:batch/v1:Job")
    [container] = job.inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "RETENTION_SECONDS", "value": str(seconds)} in container["env"]


def test_passwords_and_tokens_are_in_secrets_only(run):
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
    """Telegraf runs on every node and has permission to write only."""
    recorder = made(run)
    for release in recorder.of_type(RELEASE):
        if release.name != "influxdb2":
            assert "influxdb-admin" not in str(release.inputs)
            assert "influxdb-setup" not in str(release.inputs)


def test_a_rotation_changes_the_users_passwords_but_not_the_administrators(run):
    """InfluxDB reads the administrator's password only while its disk is empty."""

    def keepers(month):
        passwords = made(run, rotation=month).named("random:index/randomPassword:RandomPassword")
        return {name: password.inputs.get("keepers") for name, password in passwords.items()}

    first, second = keepers("2026-11"), keepers("2026-12")
    assert {name for name in first if first[name] != second[name]} == {
        "influxdb-telegraf",
        "influxdb-grafana",
    }


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_with_the_disk_is_protected_if_the_stack_is(run, protected):
    for name, release in made(run, protected=protected).named(RELEASE).items():
        assert release.options.get("protect", False) is (protected and name == "influxdb2")


def test_influxdb_uses_tls_and_telegraf_verifies_it():
    values = database()
    assert {"name": "INFLUXD_TLS_CERT", "value": "/tls/tls.crt"} in values["env"]
    assert {values[probe]["scheme"] for probe in values if probe.endswith("Probe")} == {"HTTPS"}
    for telegraf in (concourse(SETTINGS, **TELEGRAF), nodes(SETTINGS, **TELEGRAF)):
        [output] = [each["influxdb"] for each in telegraf["config"]["outputs"]]
        assert output["urls"] == ["https://influxdb2.monitoring.svc:8086"]
        assert output["tls_ca"] == "/etc/telegraf-ca/ca.crt"
        assert "insecure_skip_verify" not in output


def test_telegraf_verifies_the_kubelet_before_it_sends_a_token():
    [kubelet] = [
        each["kubernetes"] for each in nodes(SETTINGS, **TELEGRAF)["config"]["inputs"] if "kubernetes" in each
    ]
    assert kubelet["tls_ca"].endswith("/serviceaccount/ca.crt")
    assert "insecure_skip_verify" not in kubelet


def test_telegraf_may_read_kubelet_statistics_only(run):
    """The chart's role includes nodes/proxy, which allows commands in every pod."""
    recorder = made(run)
    [rule] = recorder.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole").inputs["rules"]
    assert rule == {"apiGroups": [""], "resources": ["nodes/stats", "nodes/pods"], "verbs": ["get"]}
    for name in ("telegraf", "telegraf-ds"):
        assert recorder.named(RELEASE)[name].inputs["values"]["rbac"] == {"create": False}


def test_telegraf_runs_on_every_node_and_scrapes_every_web_node():
    assert nodes(SETTINGS, **TELEGRAF)["tolerations"] == [{"operator": "Exists"}]
    [scraped] = [each["prometheus"] for each in concourse(SETTINGS, **TELEGRAF)["config"]["inputs"]]
    assert scraped["kubernetes_services"] == ["http://concourse-web-prometheus.concourse.svc:9391/metrics"]


def test_single_pods_have_no_disruption_budget():
    assert database()["pdb"] == {"create": False}
    assert concourse(SETTINGS, **TELEGRAF)["pdb"] == {"create": False}


def test_the_charts_cpu_limit_is_removed():
    assert nodes(SETTINGS, **TELEGRAF)["resources"]["limits"]["cpu"] is None


def test_grafana_reads_as_its_own_user(run):
    kept = []
    recorder = made(run, keep=lambda influx: kept.append(influx.source))
    [source] = kept
    assert (source.user, source.json_data["dbName"]) == ("grafana", "telegraf")
    assert source.url == f"https://{recorder.named(RELEASE)['influxdb2'].name}.monitoring.svc:8086"
