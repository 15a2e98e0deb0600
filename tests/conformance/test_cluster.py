"""A real API server takes what each stack sends to its cluster: our objects, and those of the real charts."""

import json

import pytest

from tests.conformance import cluster
from tests.recorder import STACKS

DEFINITION = "CustomResourceDefinition"


@pytest.fixture(scope="session")
def installed(judge, rendered):
    """A stack, its namespaces and kinds in the API server: what Helm makes of each release."""
    made = {}

    def stack(name):
        if name not in made:
            made[name] = install(rendered(name))
        return made[name]

    def install(stack):
        for manifest in stack.manifests:
            if manifest["kind"] == "Namespace":
                assert not (said := judge.apply(manifest)), said
        charts = {release: cluster.package(release) for release in stack.releases}
        for release, chart in charts.items():
            if chart:
                first = cluster.template(release, chart, *judge.capabilities())
                judge.install([item for item in first if item["kind"] == "CustomResourceDefinition"])
        capable = judge.capabilities()
        return {
            release.name: [
                judge.placed(item, release.namespace) for item in cluster.template(release, chart, *capable)
            ]
            if chart
            else None
            for release, chart in charts.items()
        }

    return stack


def say(missing):
    """Skip, with the names of the releases whose charts are not at hand."""
    if names := sorted(missing):
        pytest.skip(f"neither in CHARTS_DIR nor in their repositories: the charts of {', '.join(names)}")


def whole(releases):
    """The releases that Helm could render; the names of the others."""
    return {name: items for name, items in releases.items() if items is not None}, [
        name for name, items in releases.items() if items is None
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_helm_renders_every_release(installed, stack):
    found, missing = whole(installed(stack))
    assert found or missing
    assert not [name for name, items in found.items() if not items]
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_of_the_charts_is_taken(judge, installed, stack):
    found, missing = whole(installed(stack))
    refused = {
        f"{name}: {cluster.called(item)}": said
        for name, items in found.items()
        for item in items
        if (said := judge.apply(item, dryRun="All"))
    }
    assert not refused, json.dumps(refused, indent=2)
    say(missing)


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_of_ours_is_taken(judge, installed, rendered, stack):
    _, missing = whole(installed(stack))
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
def test_every_pod_is_what_its_namespace_allows(judge, installed, rendered, stack):
    """Pod security only warns of a Deployment, and then its pods never come."""
    found, missing = whole(installed(stack))
    everything = [*rendered(stack).manifests, *(item for items in found.values() for item in items)]
    pods = list(cluster.pods(everything))
    assert pods
    refused = {cluster.called(pod): said for pod in pods if (said := judge.create(pod, dryRun="All"))}
    assert not refused, json.dumps(refused, indent=2)
    say(missing)
