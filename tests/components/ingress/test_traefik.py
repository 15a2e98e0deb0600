"""The way in: the stack's address, TLS alone, long answers, and nothing of other namespaces."""

import pytest

from components.ingress.settings import IngressSettings
from components.ingress.values import CLASS, values
from components.kubernetes.network_policies import FLOWS, PUBLIC, TRAEFIK
from components.settings import validate
from tests.support.recorder import STACKS, stack_config


def told(*, answers=False, **changes):
    return values(
        IngressSettings.model_validate(changes),
        address="pip-ingress",
        group="stateful",
        namespaces=["ingress", "vault"],
        monitors=True,
        answers=answers,
    )


def test_it_is_at_the_stacks_address_and_sees_who_comes():
    service = told()["service"]
    assert service["annotations"]["service.beta.kubernetes.io/azure-pip-name"] == "pip-ingress"
    group = service["annotations"]["service.beta.kubernetes.io/azure-load-balancer-resource-group"]
    assert group == "stateful", "it is not where the cluster's own are"
    assert service["spec"]["externalTrafficPolicy"] == "Local", "source ranges need the client's address"


def test_http_only_leads_to_https():
    [(kind, to)] = told()["ports"]["web"]["http"]["redirections"].items()
    assert kind == "entryPoint"
    assert to == {"to": "websecure", "scheme": "https", "permanent": True}


def test_uploads_and_logs_that_are_followed_are_not_cut():
    timeouts = told()["ports"]["websecure"]["transport"]["respondingTimeouts"]
    assert timeouts["readTimeout"] == timeouts["writeTimeout"] == "0s"


def test_a_pod_that_goes_ends_what_it_began():
    given = told()
    cycle = given["ports"]["websecure"]["transport"]["lifeCycle"]
    seconds = [int(cycle[key].rstrip("s")) for key in ("requestAcceptGraceTimeout", "graceTimeOut")]
    assert given["deployment"]["terminationGracePeriodSeconds"] > sum(seconds)


def test_its_image_is_one_without_the_known_holes():
    version = [int(part) for part in told()["image"]["tag"].lstrip("v").split(".")]
    assert version >= [3, 7, 13]


def test_it_reads_the_namespaces_with_a_host_and_no_others():
    given = told()
    assert given["rbac"] == {"namespaced": True}
    for provider in given["providers"].values():
        assert provider["namespaces"] == ["ingress", "vault"]
        assert provider["crossProviderNamespaces"] == ["ingress"]
        assert "allowCrossNamespace" not in provider


@pytest.mark.parametrize("answers", [True, False])
def test_ingress_objects_count_only_for_http01(answers):
    given = told(answers=answers)["providers"]["kubernetesIngress"]
    assert given["enabled"] is answers
    assert given["ingressClass"] == CLASS


@pytest.mark.parametrize(
    ("changes", "enabled", "least"),
    [({"replicas": 1}, False, 0), ({"replicas": 3}, True, 2), ({"replicas": 5, "minAvailable": 2}, True, 2)],
)
def test_its_budget_lets_nodes_be_drained(changes, enabled, least):
    budget = told(**changes)["podDisruptionBudget"]
    assert budget == {"enabled": enabled, "minAvailable": least}


def test_what_logs_say_opens_nothing():
    assert told()["accessLog"]["fields"]["queryParameters"] == {"defaultMode": "drop"}


def test_every_namespace_with_a_host_lets_the_ingress_in():
    reached = {
        flow.target.namespace
        for flow in FLOWS
        if flow.source == TRAEFIK and hasattr(flow.target, "namespace")
    }
    assert set(PUBLIC) <= reached


@pytest.mark.parametrize("stack", STACKS)
def test_vault_and_kibana_are_not_for_everybody(stack):
    sources = validate(stack_config(stack), stack).source_ranges
    assert sources["vault"]
    assert sources["kibana"]
