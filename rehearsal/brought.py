"""What a stack file brings along: it is there before the first `up`, and what Azure refuses about it.

The objects have the type `given`: no provider made them, and a destroyed stack leaves them.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rehearsal.properties import Props, find
from rehearsal.resource_types import Check, Request, rule
from rehearsal.store import Store

PRIVATE_ZONES = "b12aa53e-6015-4669-85d0-8515ebb3ae7f"
"""Role Private DNS Zone Contributor."""
PRIVATE = "apiServerAccessProfile.enablePrivateCluster"
RANGES = "apiServerAccessProfile.authorizedIPRanges.*"


WORDS = (
    "subscriptions", "resourceGroups", "providers", "Microsoft.Network", "virtualNetworks", "subnets",
    "privateDnsZones", "dnsZones", "Microsoft.OperationalInsights", "workspaces",
)  # fmt: skip
SPELLINGS = {word.lower(): word for word in WORDS}


class Given(NamedTuple):
    """An object of somebody else's."""

    inputs: Props
    outputs: Props


def spelled(value: Any) -> Any:
    """A stack file's value with its IDs in one spelling: Azure finds an object under each."""
    if isinstance(value, dict):
        return {key: spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spelled(item) for item in value]
    if not isinstance(value, str) or not value.lower().startswith("/subscriptions/"):
        return value
    return "/".join(SPELLINGS.get(word.lower(), word) for word in value.split("/"))


def given(config: Props) -> dict[str, Given]:
    """The objects of a stack file by id, as docs/bring-your-own.md asks for them."""
    found: dict[str, Given] = {}
    network, cluster = config.get("platform:network", {}), config.get("platform:cluster", {})
    if existing := network.get("existing"):
        found |= _network(network, existing)
    zones = [existing and existing.get("databaseZone"), (cluster.get("private") or {}).get("dnsZone")]
    for zone in (each for each in zones if each and each.startswith("/")):
        found[zone] = Given({}, {})
        if existing:
            vnet = existing["nodes"].rpartition("/subnets/")[0]
            found[f"{zone}/virtualNetworkLinks/hub"] = Given({"virtualNetwork": {"id": vnet}}, {})
    if workspace := config.get("platform:logging", {}).get("workspaceId"):
        found[workspace] = Given({}, {})
    return found


def _network(network: Props, existing: Props) -> dict[str, Given]:
    vnet, _, name = existing["nodes"].rpartition("/subnets/")
    above = vnet.rpartition("/virtualNetworks/")[0]
    nodes = {
        "subnetName": name,
        "addressPrefix": network["subnets"]["nodes"],
        "serviceEndpoints": [{"service": f"Microsoft.{service}"} for service in ("KeyVault", "Storage")],
    }
    found = {vnet: Given({"addressSpace": {"addressPrefixes": [network["addressSpace"]]}}, {})}
    if network.get("egress") == "userDefinedRouting":
        nodes["routeTable"] = {"id": f"{above}/routeTables/to-firewall"}
        found[nodes["routeTable"]["id"]] = Given({}, {})
    elif network.get("egress") != "loadBalancer":
        nodes["natGateway"] = {"id": f"{above}/natGateways/egress"}
        ids = [
            f"{above}/publicIPAddresses/egress-{at}" for at, _ in enumerate(existing["egressRanges"], start=1)
        ]
        found[nodes["natGateway"]["id"]] = Given({"publicIpAddresses": [{"id": id_} for id_ in ids]}, {})
        for id_, range_ in zip(ids, existing["egressRanges"], strict=True):
            found[id_] = Given({}, {"ipAddress": range_.partition("/")[0]})
    found[existing["nodes"]] = Given(nodes, {})
    if database := existing.get("database"):
        service = "Microsoft.DBforPostgreSQL/flexibleServers"
        prefix = network["subnets"]["database"]
        found[database] = Given({"addressPrefix": prefix, "delegations": [{"serviceName": service}]}, {})
    return found


def _pools(request: Request) -> list[Props]:
    return list(find(request.inputs, "agentPoolProfiles.*")) or [request.inputs]


def _spot(request: Request) -> Iterator[Props]:
    return (pool for pool in _pools(request) if pool.get("scaleSetPriority") == "Spot")


def _unrouted(request: Request) -> Iterator[str]:
    if request.get("networkProfile.outboundType") == "userDefinedRouting":
        for subnet in find(request.inputs, "agentPoolProfiles.*.vnetSubnetID"):
            if not next(find((request.store.get(subnet) or {}).get("inputs", {}), "routeTable.id"), None):
                yield subnet


POOL_RULES: tuple[Check, ...] = (
    rule("InvalidParameter", "agentPoolProfile.upgrade.maxSurge is invalid: Spot pools can't set max surge",
         lambda r: any(list(find(pool, "upgradeSettings.maxSurge")) for pool in _spot(r))),
    rule("InvalidParameter", "a Spot node pool can't be a default node pool",
         lambda r: any(pool.get("mode") == "System" for pool in _spot(r))),
)  # fmt: skip


def cluster_rules(holds: Callable[[Store, str, str, str], bool]) -> tuple[Check, ...]:
    """Refusals of a cluster in somebody else's network. `holds` is whether a principal has a role."""

    def unwritable(request: Request) -> Iterator[Any]:
        zone = str(request.get("apiServerAccessProfile.privateDNSZone") or "")
        for identity in find(request.inputs, "identity.userAssignedIdentities.*"):
            found = request.store.get(identity)
            principal = found["outputs"]["principalId"] if found else ""
            if zone.startswith("/") and not holds(request.store, principal, PRIVATE_ZONES, zone):
                yield zone

    return (
        *POOL_RULES,
        rule("ExistingRouteTableNotAssociatedWithSubnet", "no route table is associated with {}", _unrouted),
        rule("InvalidParameter", "Private cluster cannot be enabled with AuthorizedIPRanges.",
             lambda r: r.get(PRIVATE) and list(find(r.inputs, RANGES))),
        rule("CustomPrivateDNSZoneMissingPermissionError",
             "the identity must be given permission to read and write to custom private dns zone {}",
             unwritable),
    )  # fmt: skip
