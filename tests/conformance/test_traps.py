"""Unwanted defaults of charts are not in the rendered manifests."""

import pytest

from tests.conformance import cluster
from tests.conformance.cluster import say, sorted_out
from tests.support.recorder import STACKS

OPEN = {"traefik"}
"""Releases with a public Service."""
READERS = {"cert-manager", "eck-operator", "kube-prometheus-stack"}
"""Releases whose purpose requires reading Secrets in all namespaces."""
NOT_READY = {
    "consul/consul-server": "servers find each other by it, and the chart has no value for it; Vault uses it "
    "too: docs/runbooks/ConsulNoFailureTolerance.md",
    "vault/vault-internal": "servers forward requests to each other by it; the init Job asks each server",
}
"""Services that name pods which are not ready, each with the reason."""


@pytest.fixture
def releases(installed):
    """A stack's releases as rendered; those without a chart here are in `missing`."""

    def of(stack):
        return sorted_out(installed(stack))

    return of


def replicas(workload, items):
    """The minimum number of pods: the autoscaler's if there is one."""
    for scaler in items:
        aim = scaler["kind"] == "HorizontalPodAutoscaler" and scaler["spec"]["scaleTargetRef"]
        if aim and (aim["kind"], aim["name"]) == (workload["kind"], workload["metadata"]["name"]):
            return scaler["spec"]["minReplicas"]
    return workload["spec"].get("replicas", 1)


def labels(workload):
    return workload["spec"]["template"]["metadata"].get("labels", {})


def blocked(items):
    """Workloads whose disruption budget allows no eviction, so that their nodes cannot be drained."""
    for budget in items:
        if budget["kind"] == "PodDisruptionBudget":
            wanted = budget["spec"]["selector"].get("matchLabels", {})
            for workload in items:
                if (
                    workload["kind"] in {"Deployment", "StatefulSet"}
                    and wanted.items() <= labels(workload).items()
                ):
                    least, most = (budget["spec"].get(key) for key in ("minAvailable", "maxUnavailable"))
                    if most == 0 or (least is not None and least >= replicas(workload, items)):
                        yield workload["metadata"]["name"]


@pytest.mark.parametrize("stack", STACKS)
def test_no_disruption_budget_blocks_the_drain_of_a_node(releases, stack):
    found, missing = releases(stack)
    assert not {name: stuck for name, items in found.items() if (stuck := list(blocked(items)))}
    say(missing)


@pytest.mark.parametrize(("count", "stuck"), [(1, ["one"]), (2, [])])
def test_a_disruption_budget_for_one_pod_is_found(count, stuck):
    template = {"metadata": {"labels": {"app": "one", "more": "x"}}}
    workload = {
        "kind": "Deployment",
        "metadata": {"name": "one"},
        "spec": {"replicas": count, "template": template},
    }
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "one"}}}
    budget = {"kind": "PodDisruptionBudget", "metadata": {"name": "one"}, "spec": spec}
    assert list(blocked([workload, budget])) == stuck
    aim = {"scaleTargetRef": {"kind": "Deployment", "name": "one"}, "minReplicas": count}
    del workload["spec"]["replicas"]
    scaler = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "one"}, "spec": aim}
    assert list(blocked([workload, budget, scaler])) == stuck


@pytest.mark.parametrize("stack", STACKS)
def test_every_image_has_a_version(releases, rendered, stack):
    found, missing = releases(stack)
    images = {
        container["image"]
        for items in [*found.values(), rendered(stack).manifests]
        for pod in cluster.pods(items)
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    }
    assert not {image for image in images if ":" not in image.rpartition("/")[2] or image.endswith(":latest")}
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_only_the_ingress_has_a_public_service(releases, stack):
    found, missing = releases(stack)
    public = {
        name
        for name, items in found.items()
        for item in items
        if item["kind"] == "Service" and item["spec"].get("type") in {"LoadBalancer", "NodePort"}
    }
    assert public <= OPEN
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_only_listed_releases_can_read_secrets_in_the_whole_cluster(releases, stack):
    found, missing = releases(stack)
    readers = {
        name
        for name, items in found.items()
        for item in items
        if item["kind"] == "ClusterRole"
        for rule in item.get("rules") or []
        if {"secrets", "*"} & set(rule.get("resources", [])) and {"", "*"} & set(rule.get("apiGroups", []))
        if not rule.get("resourceNames")
    }
    assert readers <= READERS
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_no_chart_generates_a_password(releases, stack):
    found, missing = releases(stack)
    made = {
        f"{name}: {item['metadata']['name']}.{key}"
        for name, items in found.items()
        for item in items
        if item["kind"] == "Secret"
        for key in [*(item.get("data") or {}), *(item.get("stringData") or {})]
        if "password" in key or "token" in key or "key" in key
    }
    assert not made
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_no_service_sends_clients_to_pods_that_are_not_ready(releases, rendered, stack):
    """A pod whose node is lost stays an endpoint of such a Service until somebody deletes the pod."""
    found, missing = releases(stack)
    named = {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for items in [*found.values(), rendered(stack).manifests]
        for item in items
        if item["kind"] == "Service" and item["spec"].get("publishNotReadyAddresses")
    }
    assert named <= NOT_READY.keys()
    say(missing)
