"""Refuses an update that skips a step of a rotation.

The ConfigMap `rotations` has the months that were in use when the last update finished. It is written last:
an interrupted step counts only when a later update has finished it. Like `kept-data`, the check is a hook of
the engine before the update. `python -m deploy up` refuses in its preview, before it changes anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import (
    Input,
    Resource,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
)

from components.config.model import Problem
from components.config.protection import Replaceable
from components.config.rotation import Rotation

NAME = "rotations"
"""Name of the ConfigMap and of the hook. `deploy/engine_messages.py` knows it."""
ENCRYPTION = "concourse.encryption"
ROTATING = "rotating"
NEEDS_OLD = ("vault.operator",)
"""Credentials that only their old one replaces, so that a rotation always has an overlap."""


def record(
    rotations: Mapping[str, Rotation],
    epochs: Sequence[str],
    *,
    rotating: bool,
    namespace: Input[str],
    replaceable: Sequence[Replaceable],
    parent: Resource,
) -> None:
    """Record the months of `rotations`, by key of the stack file, and of the encryption key.

    `namespace` is known once everything that uses them has restarted. Nothing is refused if the ConfigMap is
    in `replaceable`.
    """
    exempt = {one.urn for one in replaceable}

    def compare(args: ResourceHookArgs) -> None:
        if args.urn not in exempt:
            refuse(args)

    data = {key: " ".join(each.epochs) for key, each in rotations.items()}
    data[ENCRYPTION] = " ".join([*epochs, *([ROTATING] if rotating else [])])
    hook = ResourceHook(NAME, compare, ResourceHookOptions(on_dry_run=True))
    k8s.core.v1.ConfigMap(
        NAME,
        metadata={"name": NAME, "namespace": namespace},
        data=data,
        opts=ResourceOptions(parent=parent, hooks=ResourceHookBinding(before_update=[hook])),
    )


def refuse(args: ResourceHookArgs) -> None:
    """Raise ValueError with each step that the update of the ConfigMap would skip."""
    old, new = (dict((inputs or {}).get("data") or {}) for inputs in (args.old_inputs, args.new_inputs))
    if found := [f"{problem.key}: {problem.text}" for problem in skipped(old, new)]:
        raise ValueError("; ".join(found))


def skipped(done: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of a step from what the record has to what it would have. A new key is no step."""
    for key in sorted(done.keys() & wanted.keys()):
        problems = _encryption if key == ENCRYPTION else _rotation
        yield from problems(key, str(done[key]).split(), str(wanted[key]).split())


def _rotation(key: str, done: Sequence[str], wanted: Sequence[str]) -> Iterator[Problem]:
    """The only old credential that is still valid is the one that was in use."""
    (used, *_), (next_, *previous) = done, wanted
    if next_ == used:
        if previous and previous != done[1:]:
            yield Problem(f"{key}.previous", f"{previous[0]} is not valid any more; remove it")
    elif previous and previous != [used]:
        text = f"{previous[0]} is not in use, {used} is; set {used}, then rotate again"
        yield Problem(f"{key}.previous", text)
    elif not previous and key in NEEDS_OLD and next_ not in done:
        text = f"missing, and only the login of {used} creates that of {next_}; set {used}"
        yield Problem(f"{key}.previous", text)


def _encryption(key: str, done: Sequence[str], wanted: Sequence[str]) -> Iterator[Problem]:
    """Every row is encrypted with the last key of the record: Concourse re-encrypts before it is ready."""
    used = [epoch for epoch in done if epoch != ROTATING][-1]
    epochs = [epoch for epoch in wanted if epoch != ROTATING]
    if used not in epochs:
        text = f"{used} is missing, and all rows are encrypted with its key; add it again"
    elif epochs[-1] == used:
        return
    elif epochs[-2] != used:
        text = (
            f"all rows are encrypted with the key of {used}; add one epoch after it, and the next after that"
        )
    elif ROTATING not in wanted:
        text = (
            f"rows may still be encrypted with the key of {used}; set rotating: true until an update has "
            "finished"
        )
    else:
        return
    yield Problem(f"{key}.epochs", text)
