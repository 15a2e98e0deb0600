"""Checks of what a stack file brings along. docs/bring-your-own.md has what it must be."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from components.azure.catalog import arm_segment
from components.concourse.worker_settings import CONTAINER_RANGE
from deploy.preflight.question import Answers, Question
from deploy.preflight.subscription import (
    ADMINISTRATOR,
    NETWORK_CONTRIBUTOR,
    PRIVATE_DNS_CONTRIBUTOR,
    held,
)

OWNER = "ask the network's owner"
SERVICES = ("Microsoft.KeyVault", "Microsoft.Storage")
POSTGRES = "Microsoft.DBforPostgreSQL"
DELEGATION = f"{POSTGRES}/flexibleServers"


def network(q: Question) -> Answers:
    """The network is there, in the stack's region, and the caller may use it."""
    if not (existing := q.settings.network.existing):
        return
    id_ = existing.network
    shown = q.ask("az", "network", "vnet", "show", "--ids", id_)
    what = f"network {arm_segment(id_, 'virtualNetworks')}"
    place = str((shown or {}).get("location", "")).lower()
    seen = f"it is in {place}" if shown else "it does not exist or is not readable"
    yield what, place == q.location, seen, f"correct platform:network existing, or {OWNER}"
    if not shown:
        return
    for role in (NETWORK_CONTRIBUTOR, ADMINISTRATOR):
        yield f"role {role} on {what}", *held(q, role, id_)
    for name, ranges in _peers(shown):
        cluster = q.settings.cluster
        used = [cluster.pod_range, cluster.service_range, IPv4Network(CONTAINER_RANGE)]
        both = [f"{net} overlaps {own}" for net in ranges for own in used if net.overlaps(own)]
        remedy = "pods could not reach it: set platform:cluster podRange and serviceRange to other ranges"
        yield f"ranges of the peering {name}", not both, ", ".join(both), remedy
    servers = (shown.get("dhcpOptions") or {}).get("dnsServers") or ()
    if servers and existing.database:
        seen = f"{what} asks {', '.join(servers)}, where a zone of the stack's own is not linked"
        remedy = "set platform:network existing databaseZone to a zone that is linked to their network"
        yield "private zone with DNS servers of your own", bool(existing.database_zone), seen, remedy


def _peers(network: Any) -> Iterator[tuple[str, list[IPv4Network]]]:
    """Name and IPv4 ranges of each network that is peered."""
    for each in network.get("virtualNetworkPeerings") or ():
        space = each.get("remoteVirtualNetworkAddressSpace") or each.get("remoteAddressSpace") or {}
        ranges = [IPv4Network(net) for net in space.get("addressPrefixes") or () if ":" not in net]
        yield each["name"], ranges


def subnets(q: Question) -> Answers:
    """Each subnet has the range of the stack file, and what its use requires."""
    settings = q.settings.network
    if not (existing := settings.existing):
        return
    for key, id_ in (("nodes", existing.nodes), ("database", existing.database)):
        if not id_:
            continue
        shown = q.ask("az", "network", "vnet", "subnet", "show", "--ids", id_)
        what = f"subnet {arm_segment(id_, 'subnets')} for {key}"
        seen = "it does not exist or is not readable"
        yield what, bool(shown), seen, f"correct platform:network existing {key}, or {OWNER}"
        if not shown:
            continue
        ranges = {shown.get("addressPrefix"), *(shown.get("addressPrefixes") or ())} - {None}
        wanted, remedy = str(getattr(settings.subnets, key)), "set platform:network subnets to its range"
        yield f"range of {what}", wanted in ranges, f"it is {', '.join(sorted(ranges))}", remedy
        yield from (
            _nodes(q, what, shown, routed=settings.egress == "userDefinedRouting")
            if key == "nodes"
            else _database(what, shown)
        )


def _nodes(q: Question, what: str, shown: Any, *, routed: bool) -> Answers:
    services = {each["service"] for each in shown.get("serviceEndpoints") or ()}
    for service in SERVICES:
        seen = f"it has {', '.join(sorted(services)) or 'none'}"
        yield f"endpoint {service} of {what}", service in services, seen, f"{OWNER} to add it"
    if routed:
        seen, remedy = "it has none", f"{OWNER} for one with a route 0.0.0.0/0 to the firewall"
        table = shown.get("routeTable")
        yield f"route table of {what}", bool(table), seen, remedy
        if table:
            # AKS refuses one to the internet (learn.microsoft.com/azure/aks/egress-udr).
            answer = q.ask("az", "network", "route-table", "show", "--ids", table["id"]) or {}
            hops = [
                route["nextHopType"]
                for route in answer.get("routes") or ()
                if route["addressPrefix"] == "0.0.0.0/0"
            ]
            seen = f"its next hop is {hops[0]}" if hops else "there is none, or the table is not readable"
            yield f"route 0.0.0.0/0 of {what}", bool(hops) and hops[0] != "Internet", seen, remedy


def _database(what: str, shown: Any) -> Answers:
    found = {each["serviceName"] for each in shown.get("delegations") or ()}
    seen = f"it is delegated to {', '.join(sorted(found)) or 'nothing'}"
    yield f"delegation of {what}", DELEGATION in found, seen, f"{OWNER} to delegate it to {DELEGATION}"


def zones(q: Question) -> Answers:
    """The private DNS zones are there, and the caller may use them."""
    existing, private = q.settings.network.existing, q.settings.cluster.private
    if existing and existing.database_zone:
        yield from _database_zone(q, existing.database_zone, existing.network)
    if private and private.zone_id:
        # The program gives the cluster's identity a role on it.
        yield from _zone(q, private.zone_id, ADMINISTRATOR)


def _zone(q: Question, id_: str, role: str) -> Answers:
    name = arm_segment(id_, "privateDnsZones")
    shown = q.ask("az", "network", "private-dns", "zone", "show", "--ids", id_)
    yield f"private zone {name}", bool(shown), "it does not exist or is not readable", OWNER
    if shown:
        yield f"role {role} on {name}", *held(q, role, id_)


def _database_zone(q: Question, id_: str, network: str) -> Answers:
    """To join it (Microsoft.Network/privateDnsZones/join/action) the caller needs a role on it."""
    yield from _zone(q, id_, PRIVATE_DNS_CONTRIBUTOR)
    name, where = arm_segment(id_, "privateDnsZones"), arm_segment(id_, "subscriptions")
    group = arm_segment(id_, "resourceGroups")
    about = ("--resource-group", group, "--zone-name", name, "--subscription", where)
    links = q.ask("az", "network", "private-dns", "link", "vnet", "list", *about) or ()
    linked = {each["virtualNetwork"]["id"].lower() for each in links}
    seen = "it is not linked to the stack's network"
    yield f"link of {name}", network.lower() in linked, seen, f"{OWNER} to link it"
    if where != q.settings.azure.subscription_id:
        # learn.microsoft.com/azure/postgresql/network/concepts-networking-private, Use a private DNS zone
        answer = q.ask("az", "provider", "show", "--namespace", POSTGRES, "--subscription", where) or {}
        state = answer.get("registrationState", "unknown")
        remedy = f"az provider register --namespace {POSTGRES} --wait --subscription {where}"
        yield f"provider {POSTGRES} of {name}", state == "Registered", f"it is {state}", remedy


def workspace(q: Question) -> Answers:
    """The Log Analytics workspace is there."""
    if not (id_ := q.settings.logging.workspace_id):
        return
    shown = q.ask("az", "monitor", "log-analytics", "workspace", "show", "--ids", id_)
    seen = "it does not exist or is not readable"
    remedy = "correct platform:logging workspaceId, or ask its owner for the role Log Analytics Contributor"
    yield f"workspace {arm_segment(id_, 'workspaces')}", bool(shown), seen, remedy
