"""Old and new values of what changes, without secrets."""

import json

import pytest

from deploy.properties import changed
from deploy.render import SECRET, UNKNOWN

SERVER = "azure-native:dbforpostgresql:Server"


def texts(paths, old, new, type_=SERVER, forcing=()):
    return [one.described() for one in changed(type_, paths, forcing, old, new)]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("sku.name", {"sku": {"name": "B2s"}}, {"sku": {"name": "B2ms"}}, "sku.name: B2s → B2ms"),
        ("sku", {"sku": {"name": "a", "tier": 1}}, {"sku": {"name": "b", "tier": 1}}, "sku.name: a → b"),
        ("tags.team", {"tags": {}}, {"tags": {"team": "a"}}, "tags.team: (not set) → a"),
        ("tags.team", {"tags": {"team": "a"}}, {}, "tags.team: a → (not set)"),
        ("on", {"on": True}, {"on": False}, "on: true → false"),
        ("text", {"text": "a"}, {"text": ""}, 'text: a → ""'),
        ("host", {"host": "a"}, {"host": UNKNOWN}, "host: a → (known later)"),
        ('data["a.b"]', {"data": {"a.b": 1}}, {"data": {"a.b": 2}}, 'data["a.b"]: 1 → 2'),
        ("a[0].b", {"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b: 1 → 2"),
        ("in.outputs", {}, {}, "in.outputs changes"),
        ("text", {"text": "a\nb\nc"}, {"text": "a\nc\nd\ne"}, "text: adds 2 lines; removes 1 line"),
        ("text", {"text": "x"}, {"text": "y" * 120}, f"text: x → {'y' * 100}… (20 more characters)"),
    ],
)  # fmt: skip
def test_a_property_has_its_old_and_its_new_value(path, old, new, expected):
    assert texts([path], old, new) == [expected]


def test_without_paths_all_that_differ_are_listed():
    assert texts([], {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3}) == ["b: 2 → 3", "c: 3 → (not set)"]


def test_a_list_of_texts_shows_what_it_gains_and_loses_and_not_what_moves():
    old, new = {"ranges": ["a", "b", "c"]}, {"ranges": ["b", "d", "c"]}
    paths = [f"ranges[{index}]" for index in range(3)]
    assert texts(paths, old, new) == ["ranges: adds d; removes a"]


def test_text_that_is_json_is_compared_by_its_contents():
    old, new = ({"data": {"teams": json.dumps({"main": {"users": 1}, "new": count})}} for count in (1, 2))
    assert texts(["data.teams"], old, new) == ["data.teams.new: 1 → 2"]


def test_a_checksum_has_no_value_that_a_reader_could_use():
    path = 'values.annotations["checksum/secrets"]'
    old, new = ({"values": {"annotations": {"checksum/secrets": value}}} for value in ("a", "b"))
    assert texts([path], old, new) == [f"{path} changes"]


@pytest.mark.parametrize(
    "mark",
    [
        lambda text: {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(text)},
        lambda text: {SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": text},
        lambda text: {"deep": [{SECRET: "1b47061264138c4ac30d75fd1eb44270", "value": {"more": text}}]},
    ],
)
def test_a_secret_is_masked_wherever_it_is(mark):
    old, new = ({"login": mark(text), "other": [mark(text)]} for text in ("hunter2", "hunter3"))
    shown = str([changed(SERVER, paths, paths, old, new) for paths in (["login"], ["login", "other[0]"], [])])
    assert "hunter" not in shown
    assert "[secret]" in shown
    deeper = changed(SERVER, ["login.plaintext", "login.deep[0].value.more"], (), old, new)
    assert "hunter" not in str(deeper)


def test_the_data_of_a_secret_is_masked_although_nothing_marks_it():
    old, new = ({"stringData": {"password": text}, "data": text} for text in ("hunter2", "hunter3"))
    for paths in (["stringData.password"], ["stringData", "data"], []):
        assert "hunter" not in str(changed("kubernetes:core/v1:Secret", paths, (), old, new))


def test_what_a_secret_object_gets_as_text_is_its_data():
    old, new = {"data": "x"}, {"stringData": {SECRET: "1", "value": "y"}}
    assert texts(["data", "stringData"], old, new, "kubernetes:core/v1:Secret") == ["data: [secret] changes"]
