"""ChartMuseum: login, TLS, and credentials in one Secret."""

import json

import pytest
from pulumi import Output

from components.releases.chartmuseum import ChartMuseum, ChartMuseumSettings, ChartStorage
from tests.support.context import cluster_context

KEY = "the-key-of-the-storage-account"


@pytest.fixture
def recorder(run):
    return run(
        lambda: ChartMuseum(
            "chartmuseum",
            ChartMuseumSettings(),
            cluster_context(),
            storage=ChartStorage("stcharts", "charts", Output.secret(KEY)),
        )
    )


@pytest.fixture
def values(recorder):
    return recorder.one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_charts_are_stored_in_the_account_and_can_be_uploaded(values):
    given = values["env"]["open"]
    assert given["STORAGE"] == "microsoft"
    assert given["AZURE_STORAGE_ACCOUNT"] == "stcharts"
    assert given["DISABLE_API"] is False, "the chart's default refuses uploads"
    assert given["CHART_URL"] == "https://charts.ci.example.org"


def test_anonymous_access_is_off(values):
    assert set(values["env"]["existingSecretMappings"]) >= {"BASIC_AUTH_USER", "BASIC_AUTH_PASS"}
    assert "AUTH_ANONYMOUS_GET" not in values["env"]["open"]


def test_key_and_password_are_in_a_secret_only(recorder, values):
    assert KEY not in json.dumps(values)
    assert "secret" not in values["env"]
    mapped = values["env"]["existingSecretMappings"]
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.inputs["metadata"]["name"] == values["env"]["existingSecret"]
    assert set(mapped.values()) <= set(json.dumps(secret.inputs).replace('"', " ").replace(":", " ").split())


def test_probes_and_ingress_use_tls(recorder, values):
    assert values["env"]["open"]["TLS_CERT"] == "/tls/tls.crt"
    assert values["probes"]["readinessHttpGetConfig"]["scheme"] == "HTTPS"
    [transport] = recorder.of_type("kubernetes:traefik.io/v1alpha1:ServersTransport")
    assert transport.inputs["spec"]["serverName"] == "chartmuseum.chartmuseum.svc"
    assert transport.inputs["spec"]["rootCAs"] == [{"secret": "chartmuseum-tls"}]
