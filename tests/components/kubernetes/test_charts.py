"""Pinned charts, and versions that a stack tries."""

import json
import re
from itertools import pairwise

import pytest

from components.kubernetes.charts import CHARTS, EXACT, Image, pinned, validate_versions
from components.kubernetes.settings import ChartsSettings
from tests.support.recorder import ROOT
from tools import servers


def test_every_chart_is_pinned_to_one_version():
    for chart in CHARTS.values():
        assert EXACT.fullmatch(chart.version), chart


def test_every_pin_has_a_renovate_comment():
    lines = (ROOT / "components/kubernetes/charts.py").read_text().splitlines()
    for above, line in pairwise(lines):
        found = re.search(r'Chart\("([^"]+)", "([^"]+)", "[^"]+"\)', line)
        if found:
            name, repository = found[1], found[2]
            wanted = (
                f"datasource=docker versioning=helm depName={repository[6:]}/{name}"
                if repository.startswith("oci://")
                else f"datasource=helm registryUrl={repository} depName={name}"
            )
            assert above.strip() == f"# renovate: {wanted}"


def test_renovate_finds_every_chart():
    """By the expressions of renovate.json5, which are JavaScript's; the lookup name is the registry's."""
    config = (ROOT / "renovate.json5").read_text()
    quoted = re.findall(r'^\s+"(# renovate: .*Chart.*)",$', config, re.MULTILINE)
    expressions = [json.loads(f'"{each}"').replace("(?<", "(?P<") for each in quoted]
    text = (ROOT / "components/kubernetes/charts.py").read_text()
    found = [one.groupdict() for each in expressions for one in re.finditer(each, text)]
    assert {one["depName"]: one["currentValue"] for one in found} == {
        chart.name: chart.version for chart in CHARTS.values()
    }
    for one in found:
        if one["datasource"] == "docker":
            assert f"oci://{one['packageName']}" == CHARTS[one["depName"]].reference


def test_a_stack_may_try_another_version_of_one_chart():
    charts = pinned(ChartsSettings(versions={"concourse": "20.2.0"}))
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


def test_renovate_finds_helm():
    """By the expression of renovate.json5."""
    [quoted] = re.findall(r'matchStrings: \[("HELM = .*")\]', (ROOT / "renovate.json5").read_text())
    expression = json.loads(quoted).replace("(?<", "(?P<")
    found = re.findall(expression, (ROOT / "tools" / "servers.py").read_text())
    assert found == [servers.HELM]
