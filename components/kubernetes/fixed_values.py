"""Values that a chart writes into the unchangeable part of a StatefulSet, such as the claims of its disks."""

from collections.abc import Iterator, Mapping
from typing import Any

FIXED = {
    "concourse": ("persistence.enabled",),
    "consul": ("server.storage", "server.storageClass"),
    "vault": ("server.auditStorage.enabled", "server.auditStorage.size", "server.auditStorage.storageClass"),
}
"""Paths by chart. tests/conformance/test_fixed_values.py finds them with the charts' templates."""


def changed_fixed_values(chart: str, old: Any, new: Any) -> Iterator[str]:
    """The paths of such values that an update of a release changes: Kubernetes refuses it."""
    for path in FIXED.get(chart, ()):
        before, after = (_at(values, path) for values in (old, new))
        if before is not None and before != after:
            yield path


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values
