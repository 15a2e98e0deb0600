"""Monitors: every row of the table is reached, verified, and told by no other way."""

import pytest
from pulumi import Output

from components.kubernetes.network_policies import FLOWS, PROMETHEUS
from components.monitoring.alert_rules import promql_timestamp
from components.monitoring.grafana import SERVER
from components.monitoring.influxdb import HOSTS as INFLUXDB_HOSTS
from components.monitoring.pod_monitors import SCRAPE_TARGETS, PodMonitors
from components.vault.consul_values import HOSTS as CONSUL_HOSTS
from components.vault.values import HOSTS as VAULT_HOSTS
from tests.support.context import cluster_context
from tests.support.recorder import SECRET

HOSTS = {"consul": CONSUL_HOSTS, "vault": VAULT_HOSTS, "influxdb": INFLUXDB_HOSTS, "grafana": [SERVER]}
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
def test_the_network_lets_prometheus_reach_what_it_watches(name):
    watched = SCRAPE_TARGETS[name]
    allowed = [flow.ports for flow in FLOWS if (flow.source, flow.target) == (PROMETHEUS, watched.pods)]
    assert any(watched.port in ports for ports in allowed)


@each
def test_whoever_speaks_tls_is_verified_by_a_name_in_its_certificate(made, name):
    found = endpoint(made, name)
    if name in HOSTS:
        assert found["scheme"] == "https"
        assert found["tlsConfig"]["ca"] == {"configMap": {"name": "metrics-ca", "key": "ca.crt"}}
        assert found["tlsConfig"]["serverName"] in HOSTS[name]
    else:
        assert "scheme" not in found


def test_consul_is_shown_a_token_that_is_in_a_secret_alone(made):
    assert endpoint(made, "consul")["authorization"] == {
        "credentials": {"name": "metrics-consul", "key": "token"}
    }
    assert SECRET in made.one("kubernetes:core/v1:Secret").inputs["stringData"]
    for resource in made.of_type("kubernetes:monitoring.coreos.com/v1:PodMonitor"):
        assert "a-token-of-consul" not in str(resource.inputs)


def test_who_can_speak_json_too_is_told_what_is_wanted(made):
    for name in ("vault", "consul"):
        assert endpoint(made, name)["params"] == {"format": ["prometheus"]}


def test_what_has_no_end_in_the_state_ends_never():
    """Or a state from before the program asked for it would be in the way of every preview."""
    assert promql_timestamp(None) == "vector(+Inf)"


def test_prometheus_knows_when_what_was_made_for_a_time_ends(made):
    [rules] = made.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    [group] = rules.inputs["spec"]["groups"]
    [rule] = group["rules"]
    assert rule["record"] == "platform_expires_timestamp_seconds"
    assert (rule["labels"], rule["expr"]) == ({"what": "a secret"}, "vector(1809129600)")
