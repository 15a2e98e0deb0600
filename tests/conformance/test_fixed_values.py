"""Values that reach what Kubernetes never changes of a StatefulSet: found with the charts' own templates."""

import copy
import json

import pytest
import yaml

from components.kubernetes.fixed_values import FIXED
from rehearsal.helm import FORBIDDEN, MUTABLE
from tests.conformance import cluster

STACK = "prod"
KUBERNETES = ("--kube-version", "1.36.0")
SETS = ("concourse", "consul", "vault")
"""Charts whose release has a StatefulSet with claims."""


def leaves(value, path=()):
    """Each value that is a text, a number or a switch, by its path; lists as a whole are left as they are."""
    for key, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, dict):
            yield from leaves(item, (*path, key))
        elif isinstance(item, bool | int | str):
            yield (*path, key), item


def another(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"9{value}"


def fixed_parts(items):
    """What Kubernetes never changes of each StatefulSet, by name."""
    return {
        item["metadata"]["name"]: {key: part for key, part in item["spec"].items() if key not in MUTABLE}
        for item in items
        if item["kind"] == "StatefulSet"
    }


def reaching(release, package, folder):
    """The values of a release that reach such a part of a StatefulSet that stays the same object."""
    given = yaml.safe_load(release.values.read_text())
    before = fixed_parts(cluster.template(release, package, *KUBERNETES))
    assert before
    for path, value in leaves(given):
        changed = copy.deepcopy(given)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = another(value)
        file = folder / "values.yaml"
        file.write_text(json.dumps(changed))
        try:
            after = fixed_parts(cluster.template(release._replace(values=file), package, *KUBERNETES))
        except AssertionError:
            continue  # the chart refuses it
        if any(name in after and after[name] != part for name, part in before.items()):
            yield ".".join(path)


@pytest.mark.parametrize("chart", SETS)
def test_the_rehearsal_knows_every_value_that_kubernetes_never_changes(rendered, tmp_path, chart):
    found = set()
    for release in (each for each in rendered(STACK).releases if each.chart == chart):
        package = cluster.package(release)
        if not package:
            pytest.skip(f"neither in CHARTS_DIR nor in its repository: the chart {chart}")
        if fixed_parts(cluster.template(release, package, *KUBERNETES)):
            found |= set(reaching(release, package, tmp_path))
    assert found == set(FIXED[chart])


def test_the_rehearsal_refuses_with_the_api_servers_own_words(judge):
    labels = {"app": "x"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}

    def disks(size):
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        spec = {
            "serviceName": "x",
            "selector": {"matchLabels": labels},
            "template": pod,
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        }
        metadata = {"name": "disks", "namespace": "default"}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}

    assert not judge.apply(disks("4Gi"))
    assert FORBIDDEN in judge.apply(disks("8Gi"))
