"""Grafana: Entra login, verified data sources, no default key, and dashboards on existing metrics."""

import pytest
from pulumi import Output

from components.entra.application import OidcClient
from components.monitoring.dashboards import DASHBOARDS
from components.monitoring.grafana import Grafana
from components.monitoring.grafana_values import DataSource, values
from components.monitoring.settings import GrafanaSettings
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
SOURCES = [
    DataSource("Prometheus", "prometheus", "http://prometheus:9090"),
    DataSource("InfluxDB", "influxdb", "https://influxdb2:8086", {"dbName": "t"}, "grafana", "pass", "PEM"),
    DataSource(
        "Elasticsearch", "elasticsearch", "https://es:9200", {"index": "k8s-*"}, "grafana", "word", "PEM"
    ),
]


def made(run, *, protected=True, **changes):
    def program():
        Grafana(
            "grafana",
            GrafanaSettings.model_validate(changes),
            cluster_context(protected=protected),
            login=OidcClient("https://login/v2.0", Output.from_input("client"), Output.secret("of-entra")),
            tenant="tenant",
            sources=SOURCES,
        )

    return run(program)


@pytest.fixture
def chart_values():
    return values(
        GrafanaSettings(), url="https://grafana.ci.example.org", tenant="tenant", client_id="client",
        sources=SOURCES, disk="retain", secret="grafana", account="grafana", certificate="grafana-tls",
        config_checksum="checksum",
    )  # fmt: skip


def test_login_requires_a_role_in_entra(chart_values):
    ini = chart_values["grafana.ini"]
    assert ini["auth.azuread"]["role_attribute_strict"] is True
    assert ini["auth.azuread"]["allowed_organizations"] == "tenant"
    assert ini["auth"]["disable_login_form"] is True
    assert ini["server"]["root_url"] == "https://grafana.ci.example.org"


def test_passwords_and_keys_are_in_one_secret_only(run):
    recorder = made(run)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert set(secret.inputs["stringData"]["value"]) == {
        "admin-user", "admin-password", "secret-key", "client-secret",
        "INFLUXDB_PASSWORD", "ELASTICSEARCH_PASSWORD",
    }  # fmt: skip
    release = str(recorder.one(RELEASE).inputs)
    assert SECRET not in release
    assert "of-entra" not in release


def test_the_encryption_key_is_not_the_charts_public_default(chart_values):
    reference = chart_values["envValueFrom"]["GF_SECURITY_SECRET_KEY"]["secretKeyRef"]
    assert reference == {"name": "grafana", "key": "secret-key"}


def test_data_sources_verify_tls_and_read_passwords_from_the_environment(chart_values):
    prometheus, influxdb, logs = chart_values["datasources"]["datasources.yaml"]["datasources"]
    assert prometheus["isDefault"] is True
    assert "secureJsonData" not in prometheus
    assert influxdb["user"] == "grafana"
    assert influxdb["secureJsonData"] == {"password": "$INFLUXDB_PASSWORD", "tlsCACert": "PEM"}
    assert (logs["basicAuth"], logs["basicAuthUser"]) == (True, "grafana")
    assert logs["secureJsonData"]["basicAuthPassword"] == "$ELASTICSEARCH_PASSWORD"
    for source in (influxdb, logs):
        assert source["jsonData"]["tlsAuthWithCACert"] is True
        assert "tlsSkipVerify" not in source["jsonData"]


def test_the_disk_is_retained_and_mounted_by_one_pod_at_a_time(chart_values):
    assert chart_values["persistence"]["storageClassName"] == "retain"
    assert chart_values["deploymentStrategy"] == {"type": "Recreate"}
    assert "podDisruptionBudget" not in chart_values, "with a single pod it would block drains"


def test_the_service_account_may_read_config_maps_only(run, chart_values):
    assert chart_values["rbac"] == {"create": False}
    [rule] = made(run).one("kubernetes:rbac.authorization.k8s.io/v1:Role").inputs["rules"]
    assert rule == {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}


def test_no_container_runs_as_root_and_no_plugin_is_downloaded(chart_values):
    assert chart_values["initChownData"] == {"enabled": False}
    assert chart_values["testFramework"] == {"enabled": False}
    assert chart_values["grafana.ini"]["plugins"] == {"preinstall_disabled": True}


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_is_protected_if_the_stack_is(run, protected):
    assert made(run, protected=protected).one(RELEASE).options.get("protect", False) is protected


def test_every_dashboard_is_a_config_map_with_grafanas_label(run):
    maps = made(run).named("kubernetes:core/v1:ConfigMap")
    assert set(maps) == {f"dashboard-{dashboard.uid}" for dashboard in DASHBOARDS}
    for found in maps.values():
        assert found.inputs["metadata"]["labels"] == {"grafana_dashboard": "1"}


def test_dashboards_ask_for_the_data_sources_that_grafana_has():
    asked = {panel.source for dashboard in DASHBOARDS for panel in dashboard.panels}
    assert asked == {source.uid for source in SOURCES} == {source.type for source in SOURCES}
