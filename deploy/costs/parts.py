"""What Azure bills of a stack's resources, found in their inputs."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from components.azure.catalog import DATABASE_SKUS, zones
from deploy.costs import meters
from deploy.render import RELEASE, UNKNOWN

_FREE = """
    authorization:RoleAssignment containerservice:MaintenanceConfiguration dbforpostgresql:Configuration
    dbforpostgresql:Database dbforpostgresql:FirewallRule dns:RecordSet keyvault:Key keyvault:Secret
    managedidentity:FederatedIdentityCredential managedidentity:UserAssignedIdentity
    monitor:DiagnosticSetting network:NetworkSecurityGroup network:Subnet network:VirtualNetwork
    privatedns:VirtualNetworkLink resources:ResourceGroup storage:BlobContainer
    storage:BlobServiceProperties storage:ManagementPolicy"""
FREE = frozenset(f"azure-native:{name}" for name in _FREE.split())
"""Types that are part of another resource's bill, or cost nothing. Records are billed by their zone."""


class Part(NamedTuple):
    """Something that is billed."""

    name: str
    what: str
    meter: str = ""
    """Empty if it is not in the table of meters."""
    least: float = 0
    most: float = 0
    """Units at the fewest and at the most nodes. Hours count as one unit for each hour of the month."""
    by_use: bool = False
    """Billed by what is stored or sent, which inputs do not say."""


def billed(type_: str) -> bool:
    """Whether a type may be on the bill."""
    return type_ == RELEASE or (type_.startswith("azure-native:") and type_ not in FREE)


def parts(type_: str, name: str, inputs: Mapping[str, Any], region: str) -> Iterator[Part]:
    """The parts of one resource, by inputs without secrets."""
    kind = type_.rpartition(":")[2]
    title = f"{kind} {name}"
    if not billed(type_):
        return
    if type_ == RELEASE:
        yield from _disks(f"Release {inputs.get('name', name)}, disks", inputs.get("values") or {}, region)
    elif kind in OTHERS:
        yield OTHERS[kind]._replace(name=title)
    elif kind in _PARTS:
        yield from _PARTS[kind](title, inputs)
    else:
        yield Part(title, "")


OTHERS = {
    "PublicIPAddress": Part("", "static, Standard", "Public IP", 1, 1),
    "NatGateway": Part("", "Standard, without data", "NAT gateway", 1, 1),
    "Vault": Part("", "operations", "Key Vault operations", by_use=True),
    "Workspace": Part("", "ingestion", "Log Analytics", by_use=True),
    "MetricAlert": Part("", "one metric"),
    "ActionGroup": Part("", "messages", by_use=True),
}
"""Types of which all cost the same."""


def _cluster(title: str, cluster: Mapping[str, Any]) -> Iterator[Part]:
    for pool in cluster.get("agentPoolProfiles", ()):
        yield from _nodes(f"{title}, pool {pool['name']}", pool)
    tier = cluster.get("sku", {}).get("tier", "Free")
    if tier != "Free":
        yield Part(title, f"tier {tier}", f"AKS {tier}", 1, 1)
    yield Part(f"{title}, load balancer", "up to five rules", "Load balancer", 1, 1)


def _account(title: str, account: Mapping[str, Any]) -> Iterator[Part]:
    redundancy = account["sku"]["name"].removeprefix("Standard_").replace("RAG", "RA-G")
    yield Part(title, redundancy, f"{account.get('accessTier')} {redundancy} Data Stored", by_use=True)


def _nodes(title: str, pool: Mapping[str, Any]) -> Iterator[Part]:
    least, most = (int(pool.get(key) or pool.get("count") or 0) for key in ("minCount", "maxCount"))
    number = f"{least}-{most}" if least != most else f"{least}"
    size = pool["vmSize"]
    spot = pool.get("scaleSetPriority") == "Spot"
    yield Part(title, f"{number} x {size}{', Spot' if spot else ''}", "" if spot else size, least, most)
    if pool.get("osDiskType") == "Managed":
        meter = meters.disk(int(pool["osDiskSizeGB"]), "LRS")
        yield Part(f"{title}, OS disks", f"{number} x {pool['osDiskSizeGB']} GiB", meter, least, most)


def _database(title: str, inputs: Mapping[str, Any]) -> Iterator[Part]:
    # A standby is billed as the server is (azure.microsoft.com/pricing/details/postgresql/flexible-server).
    servers = 1 if inputs.get("highAvailability", {}).get("mode", "Disabled") == "Disabled" else 2
    size, storage = inputs["sku"]["name"], int(inputs["storage"].get("storageSizeGB") or 0)
    times = f"{servers} x " if servers > 1 else ""
    meter, number = meters.database(size) if size in DATABASE_SKUS else ("", 1)
    yield Part(title, times + size, meter, servers * number, servers * number)
    if not storage:  # restored: as large as its source, which Azure may have enlarged
        yield Part(f"{title}, storage", f"{times}that of its source", "")
        return
    yield Part(
        f"{title}, storage",
        f"{times}{storage} GiB",
        "PostgreSQL storage",
        servers * storage,
        servers * storage,
    )


_PARTS: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Part]]] = {
    "AgentPool": _nodes,
    "ManagedCluster": _cluster,
    "Server": _database,
    "StorageAccount": _account,
}


def _disks(title: str, values: Mapping[str, Any], region: str) -> Iterator[Part]:
    """Disks that a chart's pods claim. The classes are those of components/kubernetes/storage_classes.py."""
    workers = _at(values, "concourse", "worker", "autoscaling", "maxReplicas")
    for path, class_, size, pods in _claims(values):
        redundancy = "ZRS" if class_ == "retain" and zones(region) else "LRS"
        most = max(pods, workers or 0) if class_ == "scratch" else pods
        number = f"{pods}-{most}" if most > pods else f"{pods}"
        what = f"{number} x {size} GiB {redundancy}"
        yield Part(f"{title} of {path}", what, meters.disk(size, redundancy), pods, most)


def _claims(
    values: Any, path: str = "", pods: int = 1, likely: str = "retain"
) -> Iterator[tuple[str, str, int, int]]:
    """First key, class and GiB of each claim in a chart's values, and the number of pods that have one.

    The first preview of a stack does not know the names of classes. Disks that go with their pods are of the
    class scratch, all others of `likely`.
    """
    if isinstance(values, list):
        for item in values:
            yield from _claims(item, path, pods, likely)
    if not isinstance(values, Mapping):
        return
    for number in (values.get("replicas"), values.get("count"), _at(values, "ha", "replicas")):
        pods = number if isinstance(number, int) and number else pods
    class_ = str(values.get("storageClass") or values.get("storageClassName")).replace(UNKNOWN, likely)
    if class_ in ("retain", "scratch") and (size := _gibibytes(values)):
        yield path, class_, size, pods
        return
    for key, value in values.items():
        yield from _claims(value, path or str(key), pods, "scratch" if key == "ephemeral" else likely)


def _at(values: Any, *path: str) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _gibibytes(values: Mapping[str, Any]) -> int:
    text = values.get("size") or values.get("storage") or _at(values, "resources", "requests", "storage")
    found = re.fullmatch(r"(\d+)(Gi|Ti)", str(text))
    return int(found[1]) * (1024 if found[2] == "Ti" else 1) if found else 0
