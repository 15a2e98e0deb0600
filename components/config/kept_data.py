"""Refuses updates in place that lose a part of the data: shorter retention of backups, smaller disks.

The engine protects resources from deletion and replacement only. Its hook before an update sees old and new
inputs, in previews too, so `pulumi up` has this check as well as `python -m deploy`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pulumi import (
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceTransformationArgs,
    ResourceTransformationResult,
)
from pulumi.runtime import register_stack_transformation

from components.config.protection import Replaceable

NAME = "kept-data"
"""The hook's name in the engine's error. `deploy/engine_messages.py` knows it."""


class Kept(NamedTuple):
    """A number that must not get smaller, or a switch that must not be turned off."""

    path: str
    """Keys joined by dots; `*` is any key or index."""
    loss: str
    """What a smaller number loses at once."""


BACKUPS = "backups of earlier days are deleted"
DELETED = "what was deleted before can no longer be restored"
OLD_BLOBS = "older blobs are deleted, within a day"
DISK = "a disk never shrinks: what is on it would have to move first"
KEPT: Mapping[str, Sequence[Kept]] = {
    "azure-native:dbforpostgresql:Server": (
        Kept("backup.backupRetentionDays", BACKUPS),
        Kept("storage.storageSizeGB", DISK),
    ),
    "azure-native:keyvault:Vault": (Kept("properties.softDeleteRetentionInDays", DELETED),),
    "azure-native:storage:BlobServiceProperties": (
        Kept("isVersioningEnabled", "overwritten blobs have no earlier versions any more"),
        Kept("deleteRetentionPolicy.enabled", DELETED),
        Kept("deleteRetentionPolicy.days", DELETED),
        Kept("containerDeleteRetentionPolicy.enabled", DELETED),
        Kept("containerDeleteRetentionPolicy.days", DELETED),
    ),
    "azure-native:storage:ManagementPolicy": (
        Kept("policy.rules.*.definition.actions.version.delete.daysAfterCreationGreaterThan", OLD_BLOBS),
        Kept("policy.rules.*.definition.actions.baseBlob.delete.daysAfterModificationGreaterThan", OLD_BLOBS),
    ),
    "kubernetes:helm.sh/v3:Release": (
        # Paths of the charts that have disks (a test compares them with the releases).
        Kept("values.server.storage", DISK),
        Kept("values.server.auditStorage.size", DISK),
        Kept("values.persistence.size", DISK),
        Kept("values.nodeSets.*.volumeClaimTemplates.*.spec.resources.requests.storage", DISK),
        Kept("values.prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.spec.resources.requests"
             ".storage", DISK),
        Kept("values.alertmanager.alertmanagerSpec.storage.volumeClaimTemplate.spec.resources.requests"
             ".storage", DISK),
    ),
}  # fmt: skip
"""By type. Retention of logs and metrics is not in the list: it is a matter of cost."""
UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    f"{unit}i": 1024 ** (power + 1) for power, unit in enumerate("KMGT")
}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|[KMGT]i?)?")


def losses(type_: str, old: Any, new: Any) -> Iterator[str]:
    """What an update from old to new inputs loses, one text a number. Unknown ones are stepped over."""
    for kept in KEPT.get(type_, ()):
        for path, before, after in _pairs(old, new, kept.path.split("."), ""):
            was, will_be = _number(before), _number(after)
            if was is not None and will_be is not None and will_be < was:
                yield f"{path} goes from {_shown(before)} to {_shown(after)}: {kept.loss}"


def _shown(value: Any) -> Any:
    """The engine passes whole numbers as decimals."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _pairs(old: Any, new: Any, steps: Sequence[str], path: str) -> Iterator[tuple[str, Any, Any]]:
    if not steps:
        yield path, old, new
        return
    step, *rest = steps
    if step == "*" and isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _pairs(before, after, rest, f"{path}[{index}]")
    elif isinstance(old, Mapping) and isinstance(new, Mapping) and step in old:
        yield from _pairs(old[step], new.get(step), rest, f"{path}.{step}" if path else step)


def _number(value: Any) -> float | None:
    """A number, a switch or a quantity of Kubernetes as a number."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    found = QUANTITY.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * UNITS[found[2] or ""] if found else None


def keep_data(*, protected: bool, replaceable: Sequence[Replaceable]) -> None:
    """Make the engine refuse such updates of a protected stack, except of resources in `replaceable`."""
    exempt = {one.urn for one in replaceable}

    def refuse(args: ResourceHookArgs) -> None:
        if args.urn not in exempt and (lost := list(losses(args.type, args.old_inputs, args.new_inputs))):
            raise ValueError("; ".join(lost))

    hook = ResourceHook(NAME, refuse, ResourceHookOptions(on_dry_run=True))

    def transform(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ not in KEPT:
            return None
        binding = ResourceHookBinding(before_update=[hook])
        args.opts.hooks = ResourceHookBinding.merge(args.opts.hooks, binding)
        return ResourceTransformationResult(args.props, args.opts)

    if protected:
        register_stack_transformation(transform)
