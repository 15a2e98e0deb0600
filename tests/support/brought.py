"""What a stack file can bring along, as settings to add to a stack: one entry for each thing."""

import copy
from typing import Any

HUB = "/subscriptions/7c5e0d1b-3a48-4f96-b2d7-61f0a9c8e345/resourceGroups/hub/providers/"
MIRROR = "registry.example.org/mirror"
NETWORK = {
    "network.egress": "userDefinedRouting",
    "network.egressAddresses": None,
    "network.existing": {
        "nodes": f"{HUB}Microsoft.Network/virtualNetworks/spoke/subnets/nodes",
        "database": f"{HUB}Microsoft.Network/virtualNetworks/spoke/subnets/postgresql",
        "databaseZone": f"{HUB}Microsoft.Network/privateDnsZones/spoke.private.postgres.database.azure.com",
        "egressRanges": ["203.0.113.9/32"],
    },
    "network.subnets.endpoints": None,
    "ingress.publishedAddress": "203.0.113.9",
}
PRIVATE = {
    "cluster.operatorRanges": None,
    "cluster.deployerRanges": None,
    "cluster.private": {
        "clients": ["10.9.0.0/16"],
        "dnsZone": f"{HUB}Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io",
    },
}
POSTGRESQL = {
    "database": {
        "existing": {
            "host": "pg.example.org",
            "port": 5433,
            "ranges": ["10.9.4.0/28"],
            "administrator": "platform",
        }
    },
    "network.subnets.database": None,
}
WORKSPACE = {"logging.workspaceId": f"{HUB}Microsoft.OperationalInsights/workspaces/logs"}
NODES = {
    "tags.extra": {"data-class": "internal"},
    "cluster.systemPool.labels": {"cost": "platform"},
    "cluster.workerPools.0.labels": {"cost": "builds"},
    "cluster.workerPools.0.taints": ["sku=spot:NoSchedule"],
    "cluster.workerPools.0.priority": "Spot",
}
IMAGES = {"images.mirror": MIRROR}
PROXY = {"proxy": {"url": "http://10.9.1.4:3128", "ranges": ["10.9.1.4/32"], "noProxy": [".example.net"]}}
ALL = {
    "network": NETWORK,
    "private": PRIVATE,
    "postgresql": POSTGRESQL,
    "workspace": WORKSPACE,
    "nodes": NODES,
    "mirror": IMAGES,
    "proxy": PROXY,
}


def bringing(config: dict[str, Any], *things: str) -> dict[str, Any]:
    """A stack file's configuration that also brings these along. None removes a key."""
    made = copy.deepcopy(config)
    for thing in things:
        for path, value in ALL[thing].items():
            set_(made, f"platform:{path}".split("."), copy.deepcopy(value))
    if zone := made["platform:cluster"].get("private"):
        place = made["platform:azure"]["location"]
        zone["dnsZone"] = zone["dnsZone"].replace("westeurope", place)
    existing = made["platform:network"].get("existing", {})
    if existing:
        nodes = made["platform:network"]["subnets"]["nodes"]
        first, _, _ = nodes.rpartition(".")
        set_(made, ["platform:ingress", "internalAddress"], f"{first}.250")
        if not made["platform:network"]["subnets"].get("database"):
            existing.pop("database", None)
            existing.pop("databaseZone", None)
    return made


def set_(at: Any, path: list[str], value: Any) -> None:
    """Set, or with None remove, a value at a path."""
    *above, last = path
    for step in above:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    if value is None:
        at.pop(last, None)
    else:
        at[last] = value
