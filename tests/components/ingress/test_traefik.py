"""Traefik: the stack's address, TLS, timeouts, and no access to other namespaces."""

import pytest

from components.ingress.settings import IngressSettings
from components.ingress.values import CLASS, values
from components.kubernetes.network_policies import PUBLIC, TRAEFIK
from components.settings import validate
from tests.support.flows import all_flows
from tests.support.recorder import STACKS, stack_config


def rendered(*, http01=False, **changes):
    return values(
        IngressSettings.model_validate(changes),
        address="pip-ingress",
        group="stateful",
        namespaces=["ingress", "vault"],
        service_monitors=True,
        http01=http01,
    )


def test_it_has_the_stacks_address_and_sees_client_addresses():
    service = rendered()["service"]
    assert service["annotations"]["service.beta.kubernetes.io/azure-pip-name"] == "pip-ingress"
    group = service["annotations"]["service.beta.kubernetes.io/azure-load-balancer-resource-group"]
    assert group == "stateful", "not the node resource group"
    assert service["spec"]["externalTrafficPolicy"] == "Local", "source ranges need the client's address"


def test_http_redirects_to_https():
    [(kind, to)] = rendered()["ports"]["web"]["http"]["redirections"].items()
    assert kind == "entryPoint"
    assert to == {"to": "websecure", "scheme": "https", "permanent": True}


def test_uploads_and_followed_logs_have_no_timeout():
    timeouts = rendered()["ports"]["websecure"]["transport"]["respondingTimeouts"]
    assert timeouts["readTimeout"] == timeouts["writeTimeout"] == "0s"


def test_a_terminating_pod_finishes_its_requests():
    given = rendered()
    cycle = given["ports"]["websecure"]["transport"]["lifeCycle"]
    seconds = [int(cycle[key].rstrip("s")) for key in ("requestAcceptGraceTimeout", "graceTimeOut")]
    assert given["deployment"]["terminationGracePeriodSeconds"] > sum(seconds)


def test_its_image_has_no_known_vulnerabilities():
    version = [int(part) for part in rendered()["image"]["tag"].lstrip("v").split(".")]
    assert version >= [3, 7, 13]


def test_it_watches_namespaces_with_a_host_only():
    given = rendered()
    assert given["rbac"] == {"namespaced": True}
    for provider in given["providers"].values():
        assert provider["namespaces"] == ["ingress", "vault"]
        assert provider["crossProviderNamespaces"] == ["ingress"]
        assert "allowCrossNamespace" not in provider


@pytest.mark.parametrize("http01", [True, False])
def test_ingress_objects_are_served_for_http01_only(http01):
    given = rendered(http01=http01)["providers"]["kubernetesIngress"]
    assert given["enabled"] is http01
    assert given["ingressClass"] == CLASS


@pytest.mark.parametrize(
    ("changes", "enabled", "least"),
    [({"replicas": 1}, False, 0), ({"replicas": 3}, True, 2), ({"replicas": 5, "minAvailable": 2}, True, 2)],
)
def test_its_disruption_budget_allows_node_drains(changes, enabled, least):
    budget = rendered(**changes)["podDisruptionBudget"]
    assert budget == {"enabled": enabled, "minAvailable": least}


def test_access_logs_have_no_query_parameters():
    assert rendered()["accessLog"]["fields"]["queryParameters"] == {"defaultMode": "drop"}


def test_every_namespace_with_a_host_allows_traffic_from_traefik():
    reached = {
        flow.target.namespace
        for flow in all_flows()
        if flow.source == TRAEFIK and hasattr(flow.target, "namespace")
    }
    assert set(PUBLIC) <= reached


@pytest.mark.parametrize("stack", STACKS)
def test_vault_and_kibana_have_source_ranges(stack):
    sources = validate(stack_config(stack), stack).source_ranges
    assert sources["vault"]
    assert sources["kibana"]


@pytest.mark.parametrize("stack", STACKS)
def test_builds_may_use_the_hosts_that_they_need(stack):
    """By their pod's address. Vault's only where pipelines deploy the stack that they run on."""
    config = stack_config(stack)
    given = validate(config, stack)
    pods, sources = str(given.cluster.pod_range), given.source_ranges
    assert (pods in sources["vault"]) is bool(given.deployers)
    assert pods not in sources["kibana"]
    assert not {*sources["concourse"], *sources["charts"]}
    limited = validate(
        config | {"platform:ingress": {"sourceRanges": {"default": ["203.0.113.0/28"]}}}, stack
    )
    for host in ("concourse", "charts"):
        assert limited.source_ranges[host] == ["203.0.113.0/28", pods]
    assert pods not in limited.source_ranges["grafana"]
