"""What the engine's preview does not say: settings without effect, and what Kubernetes will refuse."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.kubernetes.charts import name_of
from components.kubernetes.fixed_values import changed_fixed_values
from components.settings import Settings
from deploy.maintenance import SERVER
from deploy.render import RELEASE


def refused_later(type_: str, old: Any, new: Any) -> Iterator[str]:
    """Why an update of a resource will be refused. Helm asks Kubernetes only during the update."""
    if type_ == RELEASE and old and new:
        chart = name_of(new["chart"], new["version"])
        for path in changed_fixed_values(chart, old.get("values"), new.get("values")):
            why = f"Kubernetes never changes {path} of a StatefulSet, so the update will fail"
            yield f"{why}; docs/runbooks/grow-a-disk.md has the steps before it"


def without_effect(settings: Settings, resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """(Text, URN) of each setting that is not what the state has, and that an update leaves as it is."""
    wanted = settings.database.storage_gb
    for resource in resources:
        if resource["type"] == SERVER and settings.database.auto_grow:
            there = int(
                resource["inputs"]["storage"].get("storageSizeGB") or wanted
            )  # restored: its source's
            what = f"database.storageGb is {wanted}, and the server has {there}"
            if wanted > there:
                why = "while autoGrow is true, Azure alone adds storage. To add some now, set autoGrow: false"
                yield f"{what}: {why} for one update", resource["urn"]
            elif wanted < there:
                yield f"{what}: storage never shrinks. Set {there}", resource["urn"]
