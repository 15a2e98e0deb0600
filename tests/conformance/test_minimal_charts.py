"""The charts that stand for the real ones have their workloads: Helm installs what the lists of facts say."""

import pytest

from tests.conformance.cluster import template
from tests.conformance.minimal_charts import packed
from tests.support.cluster_facts import listed
from tests.support.recorder import STACKS
from tools.chart_facts import of_stack

SETS = ("Deployment", "StatefulSet", "DaemonSet")


@pytest.mark.parametrize("stack", STACKS)
def test_every_workload_of_the_facts_is_in_exactly_one_release(tmp_path, rendered, stack):
    sent, made = rendered(stack), []
    packages = {
        chart: packed(chart, stack, sent, tmp_path) for chart in {each.chart for each in sent.releases}
    }
    for release in sent.releases:
        made += [item for item in template(release, packages[release.chart]) if item["kind"] in SETS]
    facts = [fact for chart in packages for fact in of_stack(listed(chart)["objects"], stack)]
    operated = ("Elasticsearch", "Kibana", "Prometheus", "Alertmanager")
    wanted = [place(fact) for fact in facts if fact["kind"] in (*SETS, *operated) and not fact.get("hook")]
    assert sorted(place(item["metadata"]) for item in made) == sorted(wanted)


def place(item):
    return item["namespace"], item["name"]
