"""Charts from a mirror: the digests of charts.lock, and what a release refers to."""

import json
import runpy

import pytest
from pulumi import RunError
from pulumi.runtime import test as finished
from pulumi.runtime.config import set_all_config

from components.kubernetes import chart_lock
from components.kubernetes.charts import CHARTS, EXACT, FOLDER, name_of, pinned
from components.kubernetes.settings import ChartsSettings
from tests.support.recorder import RELEASE, ROOT, encoded, recording, stack_config

STACK = "demo"
MIRROR = {"platform:charts": {"repository": "oci://example.azurecr.io/charts"}}
GRAFANA = CHARTS["grafana"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder for packaged charts."""
    (tmp_path / FOLDER).mkdir()
    monkeypatch.setattr(chart_lock, "PROJECT", tmp_path)
    return tmp_path


def run(config):
    """What the program registers, and the texts that it logs."""
    recorder = recording(STACK)
    set_all_config(encoded(stack_config(STACK) | config), [])
    refused = []

    def program():
        try:
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        except RunError as problem:  # past Pulumi's coroutine it could leave an open event loop
            refused.append(problem)

    finished(program)()
    if refused:
        raise refused[0]
    return {resource.urn: resource for resource in recorder.resources}


def test_the_lock_has_digests_of_pinned_charts_only():
    known = chart_lock.digests()
    assert known.keys() <= {chart.file for chart in CHARTS.values()}, "run python -m deploy charts lock"
    assert all(len(bytes.fromhex(digest)) == 32 for digest in known.values())


def test_a_mirror_changes_where_releases_find_their_charts_and_nothing_else(run_stack, project):
    before, after = {each.urn: each for each in run_stack(STACK).resources}, run(MIRROR)
    assert before.keys() == after.keys()
    for urn, resource in after.items():
        assert resource.options == before[urn].options, urn
        old, new = dict(before[urn].inputs), dict(resource.inputs)
        if resource.type == RELEASE:
            chart = new.pop("chart")
            assert chart == f"{FOLDER}/{name_of(chart, new['version'])}-{new['version']}.tgz"
            assert name_of(old.pop("chart"), old["version"]) == name_of(chart, new["version"])
            assert "repositoryOpts" not in new, "or else Helm looks there first"
            old.pop("repositoryOpts", None)
        assert json.dumps(new, sort_keys=True) == json.dumps(old, sort_keys=True), urn


def test_a_changed_chart_is_refused_before_anything_is_registered(project):
    (project / FOLDER / GRAFANA.file).write_bytes(b"changed")
    with pytest.raises(RunError, match=rf"{GRAFANA.file} is not the chart of charts.lock.*find out who"):
        run(MIRROR)
    run({})  # without a mirror nobody reads that file


def test_charts_without_a_digest_and_absent_charts_are_named(project, monkeypatch):
    said = []
    monkeypatch.setattr("components.stack_files.log.warn", said.append)
    run({})
    assert said == []
    run(MIRROR)
    unverified, absent = said
    assert "no digest of concourse 20.1.3, traefik 41.3.0" in unverified
    assert "grafana" not in unverified
    assert GRAFANA.file in absent
    assert "`python -m deploy charts pull STACK`" in absent


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("chart", CHARTS.values(), ids=lambda chart: chart.name)
def test_a_reference_names_its_chart(chart, mirrored):
    chart = chart._replace(mirrored=mirrored)
    assert name_of(chart.reference, chart.version) == chart.name
    assert EXACT.fullmatch(chart.version)


def test_a_tried_version_comes_from_the_mirror_too():
    charts = pinned(ChartsSettings(repository="https://charts.example.org", versions={"grafana": "13.0.0"}))
    assert charts["grafana"].reference == ".charts/grafana-13.0.0.tgz"
