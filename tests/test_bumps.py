"""A new chart version changes the chart's own releases only."""

import json
import runpy

import pytest
from pulumi.runtime import test as finished
from pulumi.runtime.config import set_all_config

from components.kubernetes.charts import CHARTS, name_of
from tests.support.recorder import RELEASE, ROOT, encoded, recording, stack_config

STACK = "demo"
OTHER = {name: f"99.0.{index}" for index, name in enumerate(sorted(CHARTS))}
JOB = "kubernetes:batch/v1:Job"
CRD_JOBS = {"traefik-crds": "traefik"}
"""Job that applies a chart's CRDs → the chart."""


@pytest.fixture
def both(run_stack):
    """The resources with the pinned charts, and with a different version of every chart, by URN."""
    before = run_stack(STACK)
    after = recording(STACK)
    set_all_config(encoded(stack_config(STACK) | {"platform:charts": {"versions": OTHER}}), [])
    finished(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None)()
    return tuple({resource.urn: resource for resource in each.resources} for each in (before, after))


def test_a_bump_changes_only_the_version_of_the_charts_releases(both):
    before, after = both
    assert before.keys() == after.keys()
    for urn, resource in after.items():
        assert resource.options == before[urn].options, urn
        old, new = dict(before[urn].inputs), dict(resource.inputs)
        if resource.type == RELEASE:
            name = name_of(new["chart"], new["version"])
            assert old.pop("version") == CHARTS[name].version
            assert new.pop("version") == OTHER[name]
        text = json.dumps(new, sort_keys=True)
        if resource.type == JOB and resource.name in CRD_JOBS:
            name = CRD_JOBS[resource.name]
            assert OTHER[name] in text
            text = text.replace(OTHER[name], CHARTS[name].version)
        assert text == json.dumps(old, sort_keys=True), urn
