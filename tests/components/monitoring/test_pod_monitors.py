"""Pod monitors: every target is reachable, verified by TLS, and has its credentials in a Secret."""

import pytest
from pulumi import Output

from components.kubernetes.network_policies import FLOWS, PROMETHEUS
from components.monitoring.alert_rules import promql_timestamp
from components.monitoring.grafana import SERVER
from components.monitoring.influxdb import DNS_NAMES as INFLUXDB_NAMES
from components.monitoring.pod_monitors import SCRAPE_TARGETS, PodMonitors
from components.vault.consul_values import DNS_NAMES as CONSUL_NAMES
from components.vault.values import DNS_NAMES as VAULT_NAMES
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

DNS_NAMES = {"consul": CONSUL_NAMES, "vault": VAULT_NAMES, "influxdb": INFLUXDB_NAMES, "grafana": [SERVER]}
each = pytest.mark.parametrize("name", SCRAPE_TARGETS)


@pytest.fixture
def made(run):
    return run(
        lambda: PodMonitors(
            "monitors",
            cluster_context(),
            consul_token=Output.secret("a-token-of-consul"),
            expires_at={"a secret": "2027-05-01T00:00:00Z"},
        )
    )


def endpoint(made, name):
    monitor = made.named("kubernetes:monitoring.coreos.com/v1:PodMonitor")[f"monitor-{name}"]
    [found] = monitor.inputs["spec"]["podMetricsEndpoints"]
    return found


@each
def test_network_policies_allow_prometheus_to_scrape(name):
    target = SCRAPE_TARGETS[name]
    allowed = [flow.ports for flow in FLOWS if (flow.source, flow.target) == (PROMETHEUS, target.pods)]
    assert any(target.port in ports for ports in allowed)


@each
def test_tls_targets_are_verified_by_a_name_in_their_certificate(made, name):
    found = endpoint(made, name)
    if name in DNS_NAMES:
        assert found["scheme"] == "https"
        assert found["tlsConfig"]["ca"] == {"configMap": {"name": "metrics-ca", "key": "ca.crt"}}
        assert found["tlsConfig"]["serverName"] in DNS_NAMES[name]
    else:
        assert "scheme" not in found


def test_consuls_token_is_in_a_secret_only(made):
    assert endpoint(made, "consul")["authorization"] == {
        "credentials": {"name": "metrics-consul", "key": "token"}
    }
    assert SECRET in made.one("kubernetes:core/v1:Secret").inputs["stringData"]
    for resource in made.of_type("kubernetes:monitoring.coreos.com/v1:PodMonitor"):
        assert "a-token-of-consul" not in str(resource.inputs)


def test_vault_and_consul_are_asked_for_prometheus_format(made):
    for name in ("vault", "consul"):
        assert endpoint(made, name)["params"] == {"format": ["prometheus"]}


def test_a_missing_expiry_time_is_infinite():
    """A state written by an older version of the program may have none, and previews must still work."""
    assert promql_timestamp(None) == "vector(+Inf)"


def test_expiry_times_are_recorded_for_prometheus(made):
    [rules] = made.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    [group] = rules.inputs["spec"]["groups"]
    [rule] = group["rules"]
    assert rule["record"] == "platform_expires_timestamp_seconds"
    assert (rule["labels"], rule["expr"]) == ({"what": "a secret"}, "vector(1809129600)")
