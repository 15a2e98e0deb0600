"""Every resource as it was reviewed: staging in full, the other stacks by their differences from it."""

import json
from pathlib import Path

import pytest

from tests.support.inventory import POLICY, difference, files, inventory, policy
from tests.support.recorder import GOLDEN, STACKS

BASE = "staging"
REMEDY = "if the change is intended, run make generate and review the diff"


@pytest.fixture(scope="module")
def resources(run_stack):
    return lambda stack: inventory(run_stack(stack))


def reviewed(folder: Path) -> dict[str, str]:
    found = [*folder.glob("releases/*.yaml"), *folder.glob("objects.yaml")]
    return {str(file.relative_to(folder)): file.read_text() for file in found}


def test_staging_has_the_reviewed_values_and_objects(resources, pytestconfig):
    got = files(resources(BASE))
    if pytestconfig.getoption("accept"):
        for name in reviewed(GOLDEN).keys() - got.keys():
            (GOLDEN / name).unlink()
        for name, text in got.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_text(text)
    wanted = reviewed(GOLDEN)
    assert got.keys() == wanted.keys(), REMEDY
    for name, text in got.items():
        assert text == wanted[name], f"{name}: {REMEDY}"


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != BASE])
def test_a_stack_differs_from_staging_as_reviewed(resources, pytestconfig, stack):
    got = difference(resources(BASE), resources(stack), (BASE, stack))
    file = GOLDEN / f"{stack}.diff"
    if pytestconfig.getoption("accept"):
        file.write_text(got)
    assert got == file.read_text(), f"{file.name}: {REMEDY}"


def test_network_policies_with_different_rules_are_shown_differently(run_stack):
    specs = [policy_.inputs["spec"] for stack in STACKS for policy_ in run_stack(stack).of_type(POLICY)]
    given, shown = (
        {json.dumps(spec, sort_keys=True) for spec in each} for each in (specs, map(policy, specs))
    )
    assert len(given) == len(shown) > 50


@pytest.mark.parametrize(
    ("base", "other", "lines"),
    [
        ({"T a": {"x": 1}}, {"T a": {"x": 1}}, []),
        ({"T a": {"host": "a.staging.org"}}, {"T a": {"host": "a.prod.org"}}, []),
        ({"T a": {"host": "staging"}}, {"T a": {"host": "demo"}}, ["~ T a", "    host: staging → demo"]),
        ({"T a": {"x": {"y": 1}}}, {"T a": {"z": 2}}, ["~ T a", "    x.y: 1 → (none)", "    z: (none) → 2"]),
        ({}, {"T a": {"x": [1]}}, ["+ T a", "    x: [1]"]),
        ({"T a": {}}, {}, ["- T a"]),
        ({"T a": {"x": ["p", "q"]}}, {"T a": {"x": ["q", "r"]}}, ["~ T a", "    x: -p +r"]),
        (
            {"T a": {"x": [{"name": "p", "v": 1}]}},
            {"T a": {"x": [{"name": "o"}, {"name": "p", "v": 2}]}},
            ["~ T a", "    x[o].name: (none) → o", "    x[p].v: 1 → 2"],
        ),
    ],
)
def test_a_difference_has_a_line_for_each_property(base, other, lines):
    assert difference(base, other, ("staging", "prod")).splitlines() == lines
