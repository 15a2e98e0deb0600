"""Settings that changed since the last update, and the properties that follow from them."""

import subprocess
from copy import deepcopy
from types import SimpleNamespace

import pytest

from deploy.causes import causes, last_update, same_program
from deploy.properties import MISSING, Property
from deploy.stack_file import config

BEFORE = config("demo")


def after(change):
    found = deepcopy(BEFORE)
    change(found)
    return found


def larger(found):
    found["platform:database"]["sku"] = "Standard_B2ms"


def more_nodes(found):
    found["platform:cluster"]["workerPools"][0]["maxNodes"] = 3


def more_of_both(found):
    more_nodes(found)
    found["platform:cluster"]["systemPool"]["minNodes"] = 3
    larger(found)


def of(change, *, alone=False):
    return causes("demo", BEFORE, after(change), alone=alone)


def test_a_changed_setting_is_named_by_its_path_and_the_name_of_its_item():
    [setting] = of(more_nodes).settings
    assert setting.described() == "cluster.workerPools.workers1.maxNodes: 2 → 3"


def test_a_setting_that_the_file_gets_is_compared_with_its_default():
    [setting] = of(lambda found: found["platform:concourse"].update(maxBuildLogsToRetain=900)).settings
    assert setting.described() == "concourse.maxBuildLogsToRetain: 2000 → 900"


def test_a_new_item_of_a_list_is_one_change():
    def another(found):
        found["platform:teams"].insert(0, {**deepcopy(found["platform:teams"][0]), "name": "payments"})

    assert [setting.path for setting in of(another).settings] == ["teams.payments"]


@pytest.mark.parametrize(
    ("change", "alone", "values", "expected"),
    [
        (larger, False, ("Standard_B2s", "Standard_B2ms"), "database.sku"),
        (larger, False, ("Standard_B2s", "Standard_B4ms"), ""),  # another change of the program may cause it
        (larger, True, ("Standard_B2s", "Standard_B4ms"), "database.sku"),  # nothing else has changed
        (more_of_both, True, ("Standard_B2s", "Standard_B2ms"), "database.sku"),
        (more_of_both, True, (2, 3), ""),  # two settings have these values
        (more_of_both, True, (MISSING, MISSING), ""),
        (lambda _: None, True, (2, 3), ""),
    ],
)
def test_a_property_follows_from_a_setting_only_if_that_is_certain(change, alone, values, expected):
    assert of(change, alone=alone).of(Property("a.b", *values)) == expected


def test_settings_that_are_no_more_make_no_claim():
    assert not causes("demo", BEFORE | {"platform:gone": 1}, BEFORE, alone=True).settings


def entry(kind="update", result="succeeded", message="commit abc, plan def"):
    values = {
        "platform:a": ('{"b": 1}', False),
        "platform:c": ("text", False),
        "platform:d": ("hunter2", True),
    }
    shown = {key: SimpleNamespace(value=value, secret=secret) for key, (value, secret) in values.items()}
    return SimpleNamespace(kind=kind, result=result, message=message, config=shown)


def test_the_last_update_has_its_commit_and_its_configuration_without_secrets():
    found = last_update([entry("refresh"), entry(), entry(message="older")])
    assert found == ({"platform:a": {"b": 1}, "platform:c": "text"}, "abc")


@pytest.mark.parametrize("history", [[], [entry(result="failed"), entry()], [entry("destroy"), entry()]])
def test_a_state_that_is_not_that_of_a_whole_update_is_compared_with_nothing(history):
    assert last_update(history) is None


def test_the_program_is_the_same_if_no_file_of_it_differs(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "components").mkdir()
    for file in ("components/a.py", "__main__.py", "Pulumi.demo.yaml"):
        (tmp_path / file).write_text("a\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "a")
    (tmp_path / "Pulumi.demo.yaml").write_text("b\n")
    assert same_program("HEAD", tmp_path)
    assert not same_program("without git", tmp_path)
    (tmp_path / "components/b.py").write_text("new\n")
    assert not same_program("HEAD", tmp_path)
    (tmp_path / "components/b.py").unlink()
    (tmp_path / "__main__.py").write_text("b\n")
    assert not same_program("HEAD", tmp_path)
