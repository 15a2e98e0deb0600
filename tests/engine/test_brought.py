"""Stacks with something of somebody else's, on the real engine: up, no changes, destroy."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.support.brought import ALL, HUB, bringing
from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine


def brought(checkout: Checkout) -> dict[str, Any]:
    """The objects of somebody else's, which no command may make, change or delete."""
    files = (checkout.home("demo") / "cloud").rglob("*.json")
    found = [json.loads(file.read_text()) for file in files]
    return {each["id"]: each["inputs"] for each in found if each["id"].startswith(HUB)}


@pytest.mark.parametrize(
    "things",
    [
        ("network",),
        *(
            pytest.param(things, marks=pytest.mark.slow)
            for things in (("private",), ("postgresql",), ("nodes", "mirror", "proxy"))
        ),
        tuple(ALL),
    ],
    ids="+".join,
)
def test_up_changes_nothing_of_somebody_elses_and_destroy_leaves_it(tmp_path, things):
    checkout = Checkout(tmp_path / "project")
    file = checkout.folder / "Pulumi.demo.yaml"
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({"config": bringing(content["config"], *things)}))
    done = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^preview demo: \d+ same in ", done.stdout, re.MULTILINE), done.stdout
    given = brought(checkout)
    assert bool(given) == bool({*things} & {"network", "private", "workspace"})
    made = {id_ for id_ in checkout.objects("demo") if id_.startswith(HUB)}
    assert all("/roleAssignments/" in id_ for id_ in made), made
    gone = checkout.deploy("destroy", "demo", "--rehearse")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert checkout.objects("demo") == {}
    assert brought(checkout) == {id_: inputs for id_, inputs in given.items() if id_ not in made}
