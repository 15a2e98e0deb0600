"""A real API server accepts the objects of each stack: the program's and those of the real charts."""

import json

import pytest

from tests.conformance import cluster
from tests.conformance.cluster import say, sorted_out
from tests.support.recorder import STACKS

DEFINITION = "CustomResourceDefinition"


@pytest.mark.parametrize("stack", STACKS)
def test_helm_renders_every_release(installed, stack):
    found, missing = sorted_out(installed(stack))
    assert found or missing
    assert not [name for name, items in found.items() if not items]
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_the_api_server_accepts_every_object_of_the_charts(judge, installed, stack):
    found, missing = sorted_out(installed(stack))
    refused = {
        f"{name}: {cluster.called(item)}": said
        for name, items in found.items()
        for item in items
        if (said := judge.apply(item, dryRun="All"))
    }
    assert not refused, json.dumps(refused, indent=2)
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_the_api_server_accepts_every_object_of_the_program(judge, installed, rendered, stack):
    _, missing = sorted_out(installed(stack))
    refused = {
        cluster.called(item): said
        for item in rendered(stack).manifests
        if item["apiVersion"] not in cluster.AZURE and (said := judge.apply(item, dryRun="All"))
    }
    if missing:  # the kinds of their objects come with the charts
        refused = {name: said for name, said in refused.items() if "there is no" not in said}
    assert not refused, json.dumps(refused, indent=2)
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_the_namespace_of_every_pod_admits_it(judge, installed, rendered, stack):
    """For a Deployment, pod security only warns, and then refuses its pods."""
    found, missing = sorted_out(installed(stack))
    everything = [*rendered(stack).manifests, *(item for items in found.values() for item in items)]
    pods = list(cluster.pods(everything))
    assert pods
    refused = {cluster.called(pod): said for pod in pods if (said := judge.create(pod, dryRun="All"))}
    assert not refused, json.dumps(refused, indent=2)
    say(missing)
