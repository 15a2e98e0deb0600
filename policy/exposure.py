"""What the internet can reach: data stores and the API server, from listed ranges only."""

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from typing import Any

from policy.rule import Place, Resource, anywhere, at, rule, whole

ACCOUNT = "azure-native:storage:StorageAccount"
KEY_VAULT = "azure-native:keyvault:Vault"
FIREWALL_RULE = "azure-native:dbforpostgresql:FirewallRule"
CLUSTER = "azure-native:containerservice:ManagedCluster"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
MOST_ADDRESSES = 256
"""Addresses of one firewall rule of the database: a /24. Wider ranges are rarely one's own."""
EVERYWHERE = ("*", "Internet", "0.0.0.0/0", "::/0", "Any")
WEB = {"80", "443"}


@rule(
    "closed-by-default",
    anywhere(
        at(ACCOUNT, "networkRuleSet.defaultAction", "networkRuleSet.ipRules"),
        at(KEY_VAULT, "properties.networkAcls.defaultAction", "properties.networkAcls.ipRules"),
    ),
    demands="Storage accounts and key vaults deny by default, and list the ranges and subnets they admit.",
    why="A leaked key or token would otherwise be enough, from anywhere.",
    comply="Leave `defaultAction` at Deny, and list public ranges, never all addresses.",
)
def closed_by_default(place: Place) -> str | None:
    if place.path.endswith("defaultAction"):
        return None if place.value == "Deny" else f"{place.path} is {place.value}"
    for one in place.value or ():
        range_ = str(one.get("iPAddressOrRange") or one.get("value"))
        if everybody(range_):
            return f"{place.path} admits {range_}"
    return None


def everybody(range_: str) -> bool:
    """Whether a range is the whole internet."""
    return range_ in EVERYWHERE or ip_network(range_, strict=False).prefixlen == 0


@rule(
    "no-public-blobs",
    anywhere(at(ACCOUNT, "allowBlobPublicAccess"), at("azure-native:storage:BlobContainer", "publicAccess")),
    demands="No blob can be read without a login.",
    why="Backups have everything that Vault has, encrypted, and charts may be internal.",
    comply="Set `allowBlobPublicAccess` to false and `publicAccess` to None.",
)
def no_public_blobs(place: Place) -> str | None:
    good = place.value is False if place.path == "allowBlobPublicAccess" else place.value == "None"
    return None if good else f"{place.path} is {place.value}"


@rule(
    "closed-database",
    whole(FIREWALL_RULE),
    demands="The database admits short ranges of addresses, never all of Azure or of the internet.",
    why="Its login is a password; 0.0.0.0 admits every subscription in Azure, other customers' included.",
    comply="Set `database.access` to private, or list ranges of at most 256 addresses.",
)
def closed_database(place: Place) -> str | None:
    first = IPv4Address(place.value["startIpAddress"])
    if not int(first):
        return f"it starts at {first}, which means all of Azure"
    last = IPv4Address(place.value["endIpAddress"])
    number = int(last) - int(first) + 1
    return f"{first} to {last} are {number} addresses" if number > MOST_ADDRESSES else None


def _profile(resource: Resource) -> Iterator[Place]:
    yield from at(CLUSTER, "apiServerAccessProfile.disableRunCommand")(resource)
    if resource.type == CLUSTER:
        yield Place(resource, "apiServerAccessProfile", lambda: resource.inputs["apiServerAccessProfile"])


@rule(
    "closed-api-server",
    _profile,
    demands="The cluster's API server is private, or admits listed ranges; nobody runs commands through "
    "Azure.",
    why="Whoever steals a login must also be in one of your networks.",
    comply="Set `cluster.operatorRanges` or `cluster.private`.",
)
def closed_api_server(place: Place) -> str | None:
    if place.path.endswith("disableRunCommand"):
        return None if place.value is True else f"{place.path} is {place.value}"
    if place.value.get("enablePrivateCluster"):
        return None
    ranges = [*(place.value.get("authorizedIPRanges") or ())]
    wide = [range_ for range_ in ranges if everybody(str(range_))]
    if not ranges or wide:
        return f"authorizedIPRanges has {wide[0] if wide else 'no range'}"
    return None


def _inbound(resource: Resource) -> Iterator[Place]:
    if resource.type == SECURITY_GROUP:
        yield Place(resource, "securityRules", lambda: resource.inputs.get("securityRules") or ())
    elif resource.type == "azure-native:network:SecurityRule":
        yield Place(resource, "", lambda: (resource.inputs,))


@rule(
    "closed-ports",
    _inbound,
    demands="Network security groups admit the internet to ports 80 and 443 only.",
    why="Nothing but Traefik is made to be reached by everybody.",
    comply="Name the source ranges of the rule, or its ports.",
)
def closed_ports(place: Place) -> str | None:
    for one in place.value:
        sources = _several(one, "sourceAddressPrefix")
        inbound = one.get("access") == "Allow" and one.get("direction") == "Inbound"
        if inbound and any(source in EVERYWHERE for source in sources):
            ports = [port for port in _several(one, "destinationPortRange") if port not in WEB]
            if ports:
                return f"{one.get('name')} admits the internet to {', '.join(ports)}"
    return None


def _several(one: Any, key: str) -> list[str]:
    plural = f"{key}es" if key.endswith("x") else f"{key}s"
    return [str(value) for value in (one.get(key), *(one.get(plural) or ())) if value]


RULES = [closed_by_default, no_public_blobs, closed_database, closed_api_server, closed_ports]
