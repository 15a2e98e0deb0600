"""Rules across the packages' settings.

Each takes the values that it compares and reports problems under their keys in the stack file.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from urllib.parse import urlsplit

from components.azure.aks.pool_settings import SystemPool, WorkerPool
from components.azure.aks.settings import ClusterSettings, PrivateCluster
from components.azure.catalog import (
    DATABASE_SKUS,
    LOCATIONS,
    POSTGRES_WITH_AMD,
    POSTGRES_WITHOUT_GEO_BACKUP,
    POSTGRES_WITHOUT_V5,
    POSTGRES_WITHOUT_ZONES,
    user_connections,
)
from components.azure.network.settings import NetworkSettings
from components.azure.postgres.settings import DatabaseSettings
from components.azure.settings import DeployersSettings, StorageSettings
from components.concourse.settings import CONNECTIONS_PER_WEB, ConcourseSettings
from components.concourse.team_settings import MAIN, TeamSettings, duplicate_names
from components.concourse.worker_settings import CONTAINER_RANGE, NODE_KEEPS_GB, WorkerSettings
from components.config.model import Problem, shown, suggestion
from components.config.types import is_guid, public
from components.entra.settings import EntraSettings
from components.ingress.settings import IngressSettings

RESERVED_FIRST, RESERVED_LAST = 4, 1
"""Addresses that Azure reserves at both ends of each subnet
(learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""
RESERVED_BY_AKS = tuple(
    IPv4Network(net) for net in ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
)
"""Ranges that AKS uses itself (learn.microsoft.com/azure/aks/concepts-network-cni-overview)."""
USES = {"chartmuseum": "charts", "vault": "backups"}
"""Storage account of a part."""
BCRYPT = 60
"""Characters of a password's hash."""
LONGEST_VARIABLE, RESERVE = 128 * 1024, 1024
"""Bytes of an environment variable (execve(2), MAX_ARG_STRLEN), and of its name."""
MAP_BYTES, SCRIPT_BYTES = 1024 * 1024, 32 * 1024
"""Bytes of a ConfigMap (kubernetes.io/docs/concepts/configuration/configmap), and room in it for the scripts
of the Job that sets teams."""
CLAIM = 36
"""Characters of a group's object ID."""
NamedRange = tuple[str, IPv4Network]
ExistingDatabase = tuple[str, str] | None
"""Host and name of a database on a server that is there already."""


def ranges_do_not_overlap(first: NamedRange, second: NamedRange) -> Iterator[Problem]:
    (first_key, first_range), (second_key, second_range) = first, second
    if first_range.overlaps(second_range):
        text = f"{second_range} overlaps {first_key} ({first_range}); choose ranges that do not overlap"
        yield Problem(second_key, text)


def outside_container_range(key: str, range_: IPv4Network) -> Iterator[Problem]:
    if range_.overlaps(IPv4Network(CONTAINER_RANGE)):
        text = f"{range_} overlaps Concourse's build containers ({CONTAINER_RANGE}); choose another"
        yield Problem(key, text)


def outside_reserved_ranges(key: str, range_: IPv4Network) -> Iterator[Problem]:
    for reserved in RESERVED_BY_AKS:
        if range_.overlaps(reserved):
            yield Problem(key, f"{range_} overlaps {reserved}, which AKS reserves; choose another")


def network_is_apart(network: NetworkSettings, stack: str, theirs: NetworkSettings) -> Iterator[Problem]:
    """Azure peers no networks that overlap, and a third network cannot reach both of two that do.

    See learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering, requirements. Stacks in one
    existing network share its address space, and have subnets of their own.
    """
    if network.existing and theirs.existing and network.existing.is_in_network(theirs.existing.nodes):
        for name, net in network.subnets.named().items():
            for other in theirs.subnets.named().values():
                if net.overlaps(other):
                    text = f"{net} overlaps {other} of the stack {stack} in the same network; choose another"
                    yield Problem(f"network.subnets.{name}", text)
    elif network.address_space.overlaps(theirs.address_space):
        where = f"{theirs.address_space} of the stack {stack}"
        text = f"{network.address_space} overlaps {where}; choose a range that no other stack has"
        yield Problem("network.addressSpace", text)


def hosts_are_apart(hosts: Collection[str], stack: str, theirs: Collection[str]) -> Iterator[Problem]:
    if taken := sorted(set(hosts) & set(theirs)):
        text = (
            f"the stack {stack} has {', '.join(taken)} too; change the zone, or ingress.hosts, of one of them"
        )
        yield Problem("dns", text)


def subscription_is_its_own(subscription: str, stack: str, theirs: str) -> Iterator[Problem]:
    """A stack's deployer may change everything in its subscription (docs/trust.md)."""
    if subscription == theirs:
        text = f"the stack {stack} has it too, and its deployer could change this stack; use another"
        yield Problem("azure.subscriptionId", text)


def deployers_have_their_subscription(
    deployers: DeployersSettings | None, stack: str, theirs: str
) -> Iterator[Problem]:
    for index, each in enumerate(deployers.stacks if deployers else ()):
        if each.stack == stack and each.subscription_id != theirs:
            text = f"{each.subscription_id} is not azure.subscriptionId of {stack}, {theirs}; use that one"
            yield Problem(f"deployers.stacks[{index}].subscriptionId", text)


def databases_are_apart(own: ExistingDatabase, stack: str, theirs: ExistingDatabase) -> Iterator[Problem]:
    """Stacks may share a server of somebody else's, and not a database on it."""
    if own and own == theirs:
        host, name = own
        text = f"the stack {stack} has {name} on {host} too; choose another name for one of them"
        yield Problem("database.name", text)


def nodes_fit_subnet(subnet: IPv4Network, max_nodes: int, others: int = 0) -> Iterator[Problem]:
    """`others` are addresses of the ingress and the API server."""
    room = max(subnet.num_addresses - RESERVED_FIRST - RESERVED_LAST - others, 0)
    if max_nodes > room:
        text = f"{subnet} has addresses for {room} nodes, and the pools can grow to {max_nodes}; widen it"
        yield Problem("network.subnets.nodes", text)


def ingress_address_is_free(
    address: IPv4Address | None, subnet: IPv4Network, max_nodes: int
) -> Iterator[Problem]:
    """Azure gives a node the next free address of the subnet, from its start.

    See learn.microsoft.com/azure/virtual-network/ip-services/private-ip-addresses, allocation method.
    """
    if not address or address not in subnet:
        return
    at, size = int(address) - int(subnet.network_address), subnet.num_addresses
    free = subnet[max(size - RESERVED_LAST - 1, 0)]
    if at < RESERVED_FIRST or at >= size - RESERVED_LAST:
        text = f"Azure reserves {address}, one of the first {RESERVED_FIRST} and the last of {subnet}"
        yield Problem("ingress.internalAddress", f"{text}; use one at the end, such as {free}")
    elif at < min(RESERVED_FIRST + max_nodes, size - RESERVED_LAST - 1):
        text = f"one of up to {max_nodes} nodes can have {address} first: Azure hands them out from the start"
        yield Problem("ingress.internalAddress", f"{text}; use one at the end, such as {free}")


def outside_of_cluster(key: str, range_: IPv4Network, used: Mapping[str, IPv4Network]) -> Iterator[Problem]:
    """What pods reach outside the cluster. A packet to an address of `used` never leaves it."""
    for name, net in used.items():
        if range_.overlaps(net):
            text = f"{range_} overlaps {name} ({net}), so pods could not reach it; change one of them"
            yield Problem(key, text)


def connections_suffice(sku: str, replicas: int) -> Iterator[Problem]:
    if sku not in DATABASE_SKUS:
        return
    needed, room = replicas * CONNECTIONS_PER_WEB, user_connections(sku)
    if needed > room:
        text = (
            f"{replicas} web nodes need {needed} connections, {sku} has {room}; "
            f"use at most {room // CONNECTIONS_PER_WEB}, or a larger database.sku"
        )
        yield Problem("concourse.web.replicas", text)


def builds_can_finish(workers: WorkerSettings, pools: Sequence[WorkerPool]) -> Iterator[Problem]:
    grace = workers.termination_grace_period_seconds
    for index, pool in enumerate(pools):
        if pool.drain_timeout_minutes * 60 < grace:
            text = (
                f"{pool.drain_timeout_minutes} min is less than a worker's {grace} s "
                f"(workers.terminationGracePeriodSeconds); use at least {-(-grace // 60)}"
            )
            yield Problem(f"cluster.workerPools[{index}].drainTimeoutMinutes", text)


def ingress_is_reachable(ingress: IngressSettings, network: NetworkSettings) -> Iterator[Problem]:
    address, nodes = ingress.internal_address, network.subnets.nodes
    if network.egress == "userDefinedRouting" and not address:
        text = f"missing; behind a firewall set a free address of the nodes' subnet {nodes}"
        yield Problem("ingress.internalAddress", text)
    if address and address not in nodes:
        text = f"{address} is not in the nodes' subnet {nodes}; use a free address at its end"
        yield Problem("ingress.internalAddress", text)


def zone_is_of_the_region(private: PrivateCluster | None, location: str) -> Iterator[Problem]:
    zone = private.zone_id if private else None
    if zone and not zone.endswith(f"privatelink.{location}.azmk8s.io"):
        text = f"AKS in {location} needs [SUBZONE.]privatelink.{location}.azmk8s.io; use such a zone"
        yield Problem("cluster.private.dnsZone", text)


def clients_are_public(ingress: IngressSettings) -> Iterator[Problem]:
    """An internal load balancer sees private addresses, or that of the firewall in front of it."""
    if ingress.internal_address:
        return
    for host in type(ingress.source_ranges).model_fields:
        for index, net in enumerate(getattr(ingress.source_ranges, host) or ()):
            try:
                public(net)
            except ValueError as problem:
                yield Problem(f"ingress.sourceRanges.{host}[{index}]", str(problem))


def database_has_its_subnet(database: DatabaseSettings, subnet: IPv4Network | None) -> Iterator[Problem]:
    access = database.access
    if database.existing:
        if subnet:
            text = "unused with database.existing; remove it"
            yield Problem("network.subnets.database", text)
        return
    if access == "private" and not subnet:
        text = "private needs network.subnets.database, a /28 or larger; add it, or choose public"
        yield Problem("database.access", text)
    if access == "public" and subnet:
        text = "unused with database.access: public; remove it, or choose private there"
        yield Problem("network.subnets.database", text)


def pools_have_zones(cluster: ClusterSettings, location: str) -> Iterator[Problem]:
    pools: dict[str, SystemPool] = {"systemPool": cluster.system_pool}
    pools |= {f"platformPools[{index}]": pool for index, pool in enumerate(cluster.platform_pools)}
    pools |= {f"workerPools[{index}]": pool for index, pool in enumerate(cluster.worker_pools)}
    for key, pool in pools.items():
        if pool.zones and not LOCATIONS[location].zones:
            yield Problem(f"cluster.{key}.zones", f"{location} has no zones; use []")


def standby_has_a_zone(database: DatabaseSettings, location: str) -> Iterator[Problem]:
    if database.high_availability == "ZoneRedundant" and not LOCATIONS[location].zones:
        text = f"{location} has no zones; choose SameZone or Disabled"
        yield Problem("database.highAvailability", text)
    elif database.high_availability == "ZoneRedundant" and location in POSTGRES_WITHOUT_ZONES:
        text = f"PostgreSQL has no zone-redundant standby in {location}; choose SameZone or Disabled"
        yield Problem("database.highAvailability", text)


def size_is_in_the_region(sku: str, location: str) -> Iterator[Problem]:
    amd, v5 = sku.endswith("ads_v5"), sku.endswith("ds_v5")
    if location in LOCATIONS and (
        location not in POSTGRES_WITH_AMD if amd else v5 and location in POSTGRES_WITHOUT_V5
    ):
        other = sku.replace("ads_v5", "ds_v5") if amd and location not in POSTGRES_WITHOUT_V5 else None
        other = other or re.sub("a?ds_v5", "ds_v4", sku)
        yield Problem(
            "database.sku", f"PostgreSQL does not have {sku} in {location}; use one such as {other}"
        )


def backup_has_a_paired_region(database: DatabaseSettings, location: str) -> Iterator[Problem]:
    if database.geo_redundant_backup and not LOCATIONS[location].paired:
        text = f"{location} has no paired region for the backups; use false"
        yield Problem("database.geoRedundantBackup", text)
    elif database.geo_redundant_backup and location in POSTGRES_WITHOUT_GEO_BACKUP:
        text = f"PostgreSQL has no geo-redundant backup in {location}; use false"
        yield Problem("database.geoRedundantBackup", text)


def storage_is_available(
    storage: StorageSettings, location: str, left_out: Collection[str] = ()
) -> Iterator[Problem]:
    unused = [account for part, account in USES.items() if part in left_out]
    for problem in storage.unavailable(location, unused):
        yield Problem(f"storage.{problem.key}", problem.text)


def hosts_can_be_validated(
    solver: str, source_ranges: Mapping[str, Sequence[str]], ingress: IngressSettings
) -> Iterator[Problem]:
    inside = ingress.published_address or ingress.internal_address
    if solver == "http01" and inside and inside.is_private:
        text = f"http01 needs hosts that Let's Encrypt can reach, and {inside} is private; choose dns01"
        yield Problem("certificates.solver", text)
        return
    restricted = [host for host, ranges in source_ranges.items() if ranges]
    if solver == "http01" and restricted:
        text = (
            "http01 needs hosts that Let's Encrypt can reach, and ingress.sourceRanges restricts "
            f"{', '.join(restricted)}; choose dns01, or set them to [] there"
        )
        yield Problem("certificates.solver", text)


def mirror_exists_before_the_stack(repository: str, own: str) -> Iterator[Problem]:
    if urlsplit(repository).hostname == own:
        text = (
            f"{own} is this stack's own ChartMuseum, which does not exist before the stack and is down when "
            "the stack has to be repaired; choose an OCI registry, or the ChartMuseum of another stack"
        )
        yield Problem("charts.repository", text)


def main_team_exists(teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    if teams and MAIN not in (team.name for team in teams):
        yield Problem(
            "teams",
            f"{MAIN} is missing; add it: this team always exists, and its owners administer Concourse",
        )


def users_fit_a_variable(teams: Sequence[TeamSettings], administrator: str) -> Iterator[Problem]:
    """Web nodes read their local users from one variable (atc, CONCOURSE_ADD_LOCAL_USER)."""
    users = [administrator, *(team.user for team in teams if team.user and team.name != MAIN)]
    size = sum(len(user) + len(f":,{'x' * BCRYPT}") for user in users)
    if size > LONGEST_VARIABLE - RESERVE:
        text = (
            f"{len(users):,} local users take {size:,} bytes of one variable, and Linux allows 131,072; set "
            "programs: false for teams whose programs do not log in"
        )
        yield Problem("teams", text)


def teams_fit_a_config_map(teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    """The Job that sets teams reads all of them from one ConfigMap."""
    size, room = sum(map(_listed_size, teams)), MAP_BYTES - SCRIPT_BYTES
    if size > room:
        text = (
            f"{len(teams):,} teams with their members take {size:,} bytes of one ConfigMap, which has room "
            f"for {room:,}; give roles to groups instead of users, or move teams to another stack"
        )
        yield Problem("teams", text)


def _listed_size(team: TeamSettings) -> int:
    """Bytes of a team in the Job's list (`wanted` in components/concourse/teams.py), at most."""
    roles: dict[str, dict[str, list[str]]] = {}
    for role, who in team.roles.given():
        members = {
            "groups": [f"oidc:{group.rjust(CLAIM)}" for group in who.oidc.groups],
            "users": [f"oidc:{user}" for user in who.oidc.users],
        }
        roles[role] = {key: names for key, names in members.items() if names}
    if team.user:
        roles.setdefault("member", {}).setdefault("users", []).append(f"local:{team.user}")
    text = json.dumps({team.name: roles}, indent=1)
    return len(text) + text.count("\n")  # in the list each line is one level deeper


def names_are_unique(teams: Sequence[TeamSettings], administrator: str) -> Iterator[Problem]:
    for problem in duplicate_names(teams, administrator):
        yield Problem(f"teams{problem.key}", problem.text)


def group_references(teams: Sequence[TeamSettings], entra: EntraSettings) -> Iterator[tuple[str, str]]:
    """Each reference to an Entra group, with its key."""
    for index, team in enumerate(teams):
        for role, members in team.roles.given():
            for at, group in enumerate(members.oidc.groups):
                yield f"teams[{index}].roles.{role}.oidc.groups[{at}]", group
    for role in type(entra.grafana).model_fields:
        for at, group in enumerate(getattr(entra.grafana, role)):
            yield f"entra.grafana.{role}[{at}]", group


def groups_are_known(teams: Sequence[TeamSettings], entra: EntraSettings) -> Iterator[Problem]:
    for key, group in group_references(teams, entra):
        if not is_guid(group) and group not in entra.groups:
            near = f"; {suggestion(group, entra.groups)}" if entra.groups else ""
            yield Problem(key, f"{group} is neither a group's object ID (a GUID) nor in entra.groups{near}")


def grafana_has_users(entra: EntraSettings) -> Iterator[Problem]:
    """Entra refuses a person without an assignment (AADSTS50105), and Grafana one without a role.

    See learn.microsoft.com/entra/identity/enterprise-apps/application-properties, assignment required.
    """
    roles = type(entra.grafana).model_fields
    if entra.assignment_required and not any(getattr(entra.grafana, role) for role in roles):
        text = "missing, so nobody could log in to Grafana; add a group to admin, editor or viewer"
        yield Problem("entra.grafana", f"{text}, or set monitoring.grafana.enabled: false")


def grafana_groups_can_be_assigned(entra: EntraSettings) -> Iterator[Problem]:
    if entra.assignment_required:
        return
    for role in type(entra.grafana).model_fields:
        if getattr(entra.grafana, role):
            text = (
                "Grafana's roles need assignments; set entra.assignmentRequired: true, or remove the groups"
            )
            yield Problem(f"entra.grafana.{role}", text)


def teams_have_namespaces(teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    """Without Vault, a team's name becomes part of the name of a namespace."""
    for index, team in enumerate(teams):
        if not re.fullmatch(r"[a-z0-9-]*[a-z0-9]", team.name):
            text = (
                f"{shown(team.name)} becomes part of a namespace with vault.enabled: false; use only a-z, "
                "0-9 and -, without - at the end"
            )
            yield Problem(f"teams[{index}].name", text)


def team_pools_have_a_team(pools: Sequence[WorkerPool], teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    names = [team.name for team in teams if not team.removed]
    for index, pool in enumerate(pools):
        if pool.team and pool.team not in names:
            text = f"there is no team {pool.team}; {suggestion(pool.team, names)}"
            yield Problem(f"cluster.workerPools[{index}].team", text)


def each_team_has_a_pool(pools: Sequence[WorkerPool], teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    if not pools or any(not pool.team and not pool.tags for pool in pools):
        return
    served = {pool.team for pool in pools}
    without = [team.name for team in teams if not team.removed and team.name not in served]
    if without and None not in served:
        text = f"no pool runs the steps of {', '.join(without)}; add one for it, or one without team"
        yield Problem("cluster.workerPools", text)


def deployers_share_concourse_with_nobody(
    deployers: object, pools: Sequence[WorkerPool], teams: Sequence[TeamSettings]
) -> Iterator[Problem]:
    """A key of a pool without a team can register a worker for any team, with any tag (tsa, `checkTeam`)."""
    if deployers is None:
        return
    for index, pool in enumerate(pools):
        if pool.team is None:
            text = "on the stack with deployers a worker of every team could take their steps; set the team"
            yield Problem(f"cluster.workerPools[{index}].team", text)
    for index, team in enumerate(teams):
        if not team.removed and team.name not in ("main", "previews"):
            text = f"{team.name} would share a Concourse with the deployers of all stacks; use another stack"
            yield Problem(f"teams[{index}].name", text)


def volumes_fit(workers: WorkerSettings, pools: Sequence[WorkerPool]) -> Iterator[Problem]:
    if workers.volume != "node":
        return
    for index, pool in enumerate(pools):
        if workers.volume_gb > pool.os_disk_size_gb - NODE_KEEPS_GB:
            text = (
                f"a worker's {workers.volume_gb} GiB (workers.volumeGb) and the node's own "
                f"{NODE_KEEPS_GB} do not fit; use at least {workers.volume_gb + NODE_KEEPS_GB}"
            )
            yield Problem(f"cluster.workerPools[{index}].osDiskSizeGb", text)


def one_web_node_while_rotating(concourse: ConcourseSettings) -> Iterator[Problem]:
    if concourse.encryption.rotating and concourse.web.replicas > 1:
        text = "one web node would re-encrypt rows that the others read; use 1 until the rotation is done"
        yield Problem("concourse.web.replicas", text)


def database_roles_differ(role: str, database: DatabaseSettings) -> Iterator[Problem]:
    existing = database.existing
    administrator = existing.administrator if existing else database.administrator
    if role == administrator:
        text = f"{administrator} is the server's administrator; choose another name"
        yield Problem("concourse.databaseRole", text)
