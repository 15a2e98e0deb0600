"""Grafana: Entra's roles, verified sources, no default key, and dashboards that ask for what there is."""

import json
import re

import pytest
from pulumi import Output

from components.entra.application import OidcClient
from components.monitoring.grafana import FILES, Grafana
from components.monitoring.grafana_values import DataSource, values
from components.monitoring.settings import GrafanaSettings
from tests.support.context import cluster_context
from tests.support.known_metrics import asked_for, known
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
SOURCES = [
    DataSource("Prometheus", "prometheus", "http://prometheus:9090"),
    DataSource("InfluxDB", "influxdb", "https://influxdb2:8086", {"dbName": "t"}, "grafana", "pass", "PEM"),
    DataSource(
        "Elasticsearch", "elasticsearch", "https://es:9200", {"index": "k8s-*"}, "grafana", "word", "PEM"
    ),
]
BOARDS = [json.loads(file.read_text()) for file in sorted(FILES.glob("*.json"))]
PANELS = [(board, panel) for board in BOARDS for panel in board["panels"]]
each_panel = pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{board['uid']}-{panel['id']}" for board, panel in PANELS]
)


def made(run, *, protected=True, **changes):
    def program():
        Grafana(
            "dashboards",
            GrafanaSettings.model_validate(changes),
            cluster_context(protected=protected),
            login=OidcClient("https://login/v2.0", Output.from_input("client"), Output.secret("of-entra")),
            tenant="tenant",
            sources=SOURCES,
        )

    return run(program)


@pytest.fixture
def told():
    return values(
        GrafanaSettings(), url="https://grafana.ci.example.org", tenant="tenant", client_id="client",
        sources=SOURCES, disk="retain", secret="grafana", certificate="grafana-tls", stamp="stamp",
    )  # fmt: skip


def test_people_log_in_by_entra_and_without_a_role_not_at_all(told):
    ini = told["grafana.ini"]
    assert ini["auth.azuread"]["role_attribute_strict"] is True
    assert ini["auth.azuread"]["allowed_organizations"] == "tenant"
    assert ini["auth"]["disable_login_form"] is True
    assert ini["server"]["root_url"] == "https://grafana.ci.example.org"


def test_passwords_and_keys_are_in_one_secret_and_nowhere_else(run):
    recorder = made(run)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert set(secret.inputs["stringData"]["value"]) == {
        "admin-user", "admin-password", "secret-key", "client-secret",
        "INFLUXDB_PASSWORD", "ELASTICSEARCH_PASSWORD",
    }  # fmt: skip
    told = str(recorder.one(RELEASE).inputs)
    assert SECRET not in told
    assert "of-entra" not in told


def test_what_grafana_encrypts_is_not_by_the_key_that_everybody_knows(told):
    reference = told["envValueFrom"]["GF_SECURITY_SECRET_KEY"]["secretKeyRef"]
    assert reference == {"name": "grafana", "key": "secret-key"}


def test_each_source_is_verified_and_has_its_password_from_the_environment(told):
    prometheus, influxdb, logs = told["datasources"]["datasources.yaml"]["datasources"]
    assert prometheus["isDefault"] is True
    assert "secureJsonData" not in prometheus
    assert influxdb["user"] == "grafana"
    assert influxdb["secureJsonData"] == {"password": "$INFLUXDB_PASSWORD", "tlsCACert": "PEM"}
    assert (logs["basicAuth"], logs["basicAuthUser"]) == (True, "grafana")
    assert logs["secureJsonData"]["basicAuthPassword"] == "$ELASTICSEARCH_PASSWORD"
    for source in (influxdb, logs):
        assert source["jsonData"]["tlsAuthWithCACert"] is True
        assert "tlsSkipVerify" not in source["jsonData"]


def test_its_disk_is_kept_and_never_wanted_by_two_pods(told):
    assert told["persistence"]["storageClassName"] == "retain"
    assert told["deploymentStrategy"] == {"type": "Recreate"}
    assert "podDisruptionBudget" not in told, "of one pod it would block a drain"


def test_it_may_read_dashboards_and_no_secret_of_the_namespace(run, told):
    assert told["rbac"] == {"create": False}
    [rule] = made(run).one("kubernetes:rbac.authorization.k8s.io/v1:Role").inputs["rules"]
    assert rule == {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}


def test_nothing_of_it_runs_as_root_or_comes_from_elsewhere_at_its_start(told):
    assert told["initChownData"] == {"enabled": False}
    assert told["testFramework"] == {"enabled": False}
    assert told["grafana.ini"]["plugins"] == {"preinstall_disabled": True}


@pytest.mark.parametrize("protected", [True, False])
def test_the_release_is_protected_where_the_stack_says_so(run, protected):
    assert made(run, protected=protected).one(RELEASE).options.get("protect", False) is protected


def test_each_file_is_found_by_grafana(run):
    maps = made(run).named("kubernetes:core/v1:ConfigMap")
    assert set(maps) == {f"dashboard-{file.stem}" for file in FILES.glob("*.json")}
    for found in maps.values():
        assert found.inputs["metadata"]["labels"] == {"grafana_dashboard": "1"}


def test_a_dashboard_is_known_by_the_name_of_its_file():
    assert [board["uid"] for board in BOARDS] == sorted(file.stem for file in FILES.glob("*.json"))
    titles = [board["title"] for board in BOARDS]
    assert len(set(titles)) == len(titles)


@each_panel
def test_a_panel_asks_a_source_for_what_there_is(board, panel):
    assert panel["datasource"]["uid"] in {source.uid for source in SOURCES}
    for target in panel["targets"]:
        if panel["datasource"]["uid"] == "prometheus":
            assert asked_for(target["expr"])
            assert asked_for(target["expr"]) <= known()
        else:
            assert re.search(r'FROM "(cpu|mem|disk|system|net|processes)"', target["query"])


@each_panel
def test_panels_lie_beside_each_other(board, panel):
    place = panel["gridPos"]
    for other in board["panels"]:
        if other is not panel:
            assert (other["gridPos"]["x"], other["gridPos"]["y"]) != (place["x"], place["y"])
