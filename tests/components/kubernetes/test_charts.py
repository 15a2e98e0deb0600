"""Pinned charts, and versions that a stack tries."""

import re
from itertools import pairwise

import pytest

from components.kubernetes.charts import CHARTS, EXACT, Image, pinned, validate_versions
from tests.support.recorder import ROOT


def test_every_chart_is_pinned_to_one_version():
    for chart in CHARTS.values():
        assert EXACT.fullmatch(chart.version), chart


def test_every_pin_has_a_renovate_comment():
    lines = (ROOT / "components/kubernetes/charts.py").read_text().splitlines()
    for above, line in pairwise(lines):
        found = re.search(r'Chart\("([^"]+)", "([^"]+)", "[^"]+"\)', line)
        if found:
            assert above.strip() == f"# renovate: datasource=helm registryUrl={found[2]} depName={found[1]}"


def test_a_stack_may_try_another_version_of_one_chart():
    charts = pinned({"concourse": "20.2.0"})
    assert charts["concourse"].version == "20.2.0"
    assert {n: c for n, c in charts.items() if n != "concourse"} == {
        n: c for n, c in CHARTS.items() if n != "concourse"
    }


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        ({"concurse": "20.2.0"}, "did you mean concourse?"),
        ({"concourse": ">=20"}, "is not an exact version"),
        ({"concourse": "latest"}, "is not an exact version"),
        ({"concourse": "20.1"}, "write it like 20.1.3"),
    ],
)
def test_unknown_charts_and_inexact_versions_are_refused(tried, told):
    [problem] = validate_versions(tried)
    assert told in problem.text


def test_an_image_has_its_digest_where_known():
    assert str(Image("concourse/concourse", "8.2.5")) == "concourse/concourse:8.2.5"
    assert str(Image("a/b", "1", "sha256:ab")) == "a/b:1@sha256:ab"
