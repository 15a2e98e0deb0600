"""ChartMuseum: nobody without its login, TLS of our own, keys in one Secret."""

import json

import pytest
from pulumi import Output

from components.chartmuseum.chartmuseum import ChartMuseum
from components.chartmuseum.settings import ChartMuseumSettings
from components.chartmuseum.values import Container
from components.kubernetes.charts import CHARTS
from components.kubernetes.context import CaTrust, Host

KEY = "the-key-of-the-storage-account"


@pytest.fixture
def recorder(run):
    return run(
        lambda: ChartMuseum(
            "chartmuseum",
            ChartMuseumSettings(),
            chart=CHARTS["chartmuseum"],
            namespace="chartmuseum",
            container=Container("stcharts", "charts", Output.secret(KEY)),
            host=Host("charts.ci.example.org", (), Output.from_input("issuer"), Output.from_input("traefik")),
            trust=CaTrust(Output.from_input("platform-internal"), Output.from_input("PEM")),
            monitors=True,
        )
    )


@pytest.fixture
def values(recorder):
    return recorder.one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_charts_are_kept_in_the_account_and_can_be_published(values):
    given = values["env"]["open"]
    assert given["STORAGE"] == "microsoft"
    assert given["AZURE_STORAGE_ACCOUNT"] == "stcharts"
    assert given["DISABLE_API"] is False, "the chart's default takes no chart"
    assert given["CHART_URL"] == "https://charts.ci.example.org"


def test_nobody_gets_in_without_the_login(values):
    assert set(values["env"]["existingSecretMappings"]) >= {"BASIC_AUTH_USER", "BASIC_AUTH_PASS"}
    assert "AUTH_ANONYMOUS_GET" not in values["env"]["open"]


def test_the_key_and_the_password_are_in_a_secret_and_nowhere_else(recorder, values):
    assert KEY not in json.dumps(values)
    assert "secret" not in values["env"]
    mapped = values["env"]["existingSecretMappings"]
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.inputs["metadata"]["name"] == values["env"]["existingSecret"]
    assert set(mapped.values()) <= set(json.dumps(secret.inputs).replace('"', " ").replace(":", " ").split())


def test_it_speaks_tls_to_its_probes_and_to_the_ingress(recorder, values):
    assert values["env"]["open"]["TLS_CERT"] == "/tls/tls.crt"
    assert values["probes"]["readinessHttpGetConfig"]["scheme"] == "HTTPS"
    [transport] = recorder.of_type("kubernetes:traefik.io/v1alpha1:ServersTransport")
    assert transport.inputs["spec"]["serverName"] == "chartmuseum.chartmuseum.svc"
    assert transport.inputs["spec"]["rootCAs"] == [{"secret": "chartmuseum-tls"}]
