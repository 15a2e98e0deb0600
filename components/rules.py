"""Rules across the packages' settings.

Each takes the values that it compares and reports problems under their keys in the stack file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network

from components.azure.aks.pool_settings import SystemPool, WorkerPool
from components.azure.aks.settings import ClusterSettings
from components.azure.catalog import (
    DATABASE_SKUS,
    LOCATIONS,
    POSTGRES_WITH_AMD,
    POSTGRES_WITHOUT_GEO_BACKUP,
    POSTGRES_WITHOUT_V5,
    POSTGRES_WITHOUT_ZONES,
    user_connections,
)
from components.azure.postgres.settings import DatabaseSettings
from components.azure.settings import StorageSettings
from components.concourse.settings import CONNECTIONS_PER_WEB, ConcourseSettings
from components.concourse.team_settings import MAIN, TeamSettings, duplicate_names
from components.concourse.worker_settings import CONTAINER_RANGE, NODE_KEEPS_GB, WorkerSettings
from components.config.model import Problem, suggestion
from components.config.types import is_guid
from components.entra.settings import EntraSettings

RESERVED_ADDRESSES = 5
"""Addresses that Azure reserves in each subnet
(learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""
RESERVED_BY_AKS = tuple(
    IPv4Network(net) for net in ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
)
"""Ranges that AKS uses itself (learn.microsoft.com/azure/aks/concepts-network-cni-overview)."""
NamedRange = tuple[str, IPv4Network]


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


def nodes_fit_subnet(subnet: IPv4Network, max_nodes: int) -> Iterator[Problem]:
    room = max(subnet.num_addresses - RESERVED_ADDRESSES, 0)
    if max_nodes > room:
        text = f"{subnet} has addresses for {room} nodes, and the pools can grow to {max_nodes}; widen it"
        yield Problem("network.subnets.nodes", text)


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


def database_has_its_subnet(access: str, subnet: IPv4Network | None) -> Iterator[Problem]:
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


def storage_is_available(storage: StorageSettings, location: str) -> Iterator[Problem]:
    for problem in storage.unavailable(location):
        yield Problem(f"storage.{problem.key}", problem.text)


def hosts_can_be_validated(solver: str, source_ranges: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    restricted = [host for host, ranges in source_ranges.items() if ranges]
    if solver == "http01" and restricted:
        text = (
            "http01 needs hosts that Let's Encrypt can reach, and ingress.sourceRanges restricts "
            f"{', '.join(restricted)}; choose dns01, or set them to [] there"
        )
        yield Problem("certificates.solver", text)


def main_team_exists(teams: Sequence[TeamSettings]) -> Iterator[Problem]:
    if teams and MAIN not in (team.name for team in teams):
        yield Problem(
            "teams",
            f"{MAIN} is missing; add it: this team always exists, and its owners administer Concourse",
        )


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


def grafana_groups_can_be_assigned(entra: EntraSettings) -> Iterator[Problem]:
    if entra.assignment_required:
        return
    for role in type(entra.grafana).model_fields:
        if getattr(entra.grafana, role):
            text = (
                "Grafana's roles need assignments; set entra.assignmentRequired: true, or remove the groups"
            )
            yield Problem(f"entra.grafana.{role}", text)


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


def database_roles_differ(role: str, administrator: str) -> Iterator[Problem]:
    if role == administrator:
        text = f"{administrator} is the server's administrator; choose another name"
        yield Problem("concourse.databaseRole", text)
