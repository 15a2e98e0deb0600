"""A change of a setting leaves what holds data where it is: none of it is deleted or replaced.

Each setting of `prod` gets another value that is accepted. The table of the simulated clouds judges what
would be replaced: Azure's own types and the providers' sources. What Azure refuses to change in place is no
loss, and what a stack is without (`enabled: false`) has tests of its own.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.settings import SettingsError, validate
from policy.protection import is_data
from rehearsal import azure, entra, vault
from rehearsal.properties import covers, find
from tests.support.recorder import Recorder, Registered, stack_config
from tests.support.stack_files import put

pytestmark = pytest.mark.engine  # it runs the program a dozen times, which takes as long
STACK = "prod"
TYPES = azure.RESOURCE_TYPES | entra.RESOURCE_TYPES | vault.RESOURCE_TYPES
OTHER_GUID = "7c1d2e3f-4a5b-4c6d-8e7f-9a0b1c2d3e4f"
MOVES = (
    "network.egress", "cluster.podRange", "cluster.serviceRange", "database.administrator", "database.name",
    "ingress.internalAddress", "concourse.encryption.epochs.0",
)  # fmt: skip
"""What a cluster, server or database is made with; the public address; the key of all rows. `up` refuses."""
MANY = 40
"""Settings that one run of the program tries together."""


def values(value: Any) -> Iterator[Any]:
    """Other values of a setting, from its own form; not all are accepted."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value * 2, value - 1, value // 2)
        case str():
            yield from number_in(value)
            yield from (OTHER_GUID, "other", f"other-{value}", f"{value}x")
        case None | [] | ():
            yield from ("other", True, 1, [OTHER_GUID], ["198.51.100.0/28"], "2026-10", "10.30.9.9")


def number_in(value: str) -> Iterator[str]:
    """`15d` becomes `16d`, `2026-11` becomes `2026-12`, and `Standard_D4ds_v5` becomes `Standard_D8ds_v5`."""
    for found in re.finditer(r"\d+", value):
        for other in (int(found[0]) + 1, int(found[0]) * 2, int(found[0]) - 1):
            yield f"{value[: found.start()]}{other:0{len(found[0])}d}{value[found.end() :]}"


def refusal(config: dict[str, Any]) -> str:
    """What the settings say against a configuration; empty if they accept it."""
    try:
        validate(config, STACK)
    except SettingsError as refused:
        return " ".join(problem.text for problem in refused.problems)
    return ""


def offered(path: str, config: dict[str, Any]) -> list[str]:
    """The values that the settings' own message offers for a wrong one."""
    return re.findall(r'"([^"]+)"', refusal(changed({path: "?"}, config)).partition("choose from")[2])


def changed(changes: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(config)
    for path, value in changes.items():
        put(result, f"platform:{path}", value)
    return result


def whole_config() -> dict[str, Any]:
    """The stack file with all its defaults, so that each setting has a place."""
    settings = validate(stack_config(STACK), STACK)
    return {
        f"platform:{key}": value for key, value in settings.model_dump(by_alias=True, mode="json").items()
    }


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting with its value; an empty list is one."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not pairs or value in ({}, []):
        yield path, value
    for key, inner in pairs:
        yield from places(inner, f"{path}.{key}" if path else str(key).removeprefix("platform:"))


def another(path: str, value: Any, config: dict[str, Any]) -> Any:
    """Another value that is accepted there; None without one."""
    for each in (*(offered(path, config) if isinstance(value, str) else ()), *values(value)):
        if each != value and not refusal(changed({path: each}, config)):
            return each
    return None


def groups(found: dict[str, Any], config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The changes in groups that are accepted together."""
    group: dict[str, Any] = {}
    for path, value in found.items():
        wider = group | {path: value}
        if len(wider) > MANY or refusal(changed(wider, config)):
            yield group
            wider = {path: value}
        group = wider
    yield group


def losses(before: Recorder, after: Recorder) -> list[str]:
    """The data of `before` that an update to `after` would delete or replace."""
    there = {each.urn: each for each in after.resources}
    return [
        f"{each.type} {each.name}: {why}"
        for each in before.resources
        if is_data(each.type, each.name) and (why := loss(each, there.get(each.urn)))
    ]


def loss(old: Registered, new: Registered | None) -> str:
    if new is None:
        return "is deleted"
    ignored = old.options.get("ignoreChanges", ())
    forcing = [
        *(TYPES[old.type].replaces if old.type in TYPES else ()),
        *old.options.get("replaceOnChanges", ()),
    ]
    for path in forcing:
        known = any(covers(each, path) for each in ignored)
        if not known and [*find(old.inputs, path)] != [*find(new.inputs, path)]:
            return f"{path} changes"
    return ""


def test_what_things_are_made_with_is_all_that_moves_data(run_config):
    config = whole_config()
    others = {path: other for path, value in places(config) if (other := another(path, value, config))}
    assert len(others) > 180
    del others["certificates.issuer"]  # a rule refuses the other in a protected stack
    before = run_config(STACK, config)
    moving = {path: others.pop(path) for path in MOVES}
    lost = {
        tuple(group): found
        for group in groups(others, config)
        if (found := losses(before, run_config(STACK, changed(group, config))))
    }
    assert not lost, "\n".join(f"{', '.join(group)}: {found}" for group, found in lost.items())
    for path, value in moving.items():
        assert losses(before, run_config(STACK, changed({path: value}, config))), path
