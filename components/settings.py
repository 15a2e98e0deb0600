"""A stack's configuration, read once, before any resource: all of it right, or every problem told.

`python -m components.settings` writes the JSON Schema that editors complete stack files by.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network
from itertools import combinations
from operator import attrgetter
from pathlib import Path
from typing import Any

from pulumi import Config, get_stack
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import Field

from components import rules as concourse_rules
from components.azure.aks.pool_settings import SystemPool
from components.azure.aks.settings import ClusterSettings
from components.azure.catalog import DATABASE_SKUS, LOCATIONS, user_connections
from components.azure.network.settings import DnsSettings, NetworkSettings
from components.azure.postgres.settings import DatabaseSettings
from components.azure.settings import (
    AzureSettings,
    DeployersSettings,
    KeyVaultSettings,
    StorageSettings,
    TagSettings,
)
from components.certificates.settings import CertificatesSettings
from components.chartmuseum.settings import ChartMuseumSettings
from components.concourse.settings import CONNECTIONS_PER_WEB, ConcourseSettings
from components.concourse.team_settings import TeamSettings
from components.concourse.worker_settings import CONTAINER_RANGE, WorkerSettings
from components.config.messages import read
from components.config.model import Model, Problem, Rule
from components.config.protection import Replaceable
from components.config.secrets import REQUIRED_SECRETS
from components.entra.settings import EntraSettings
from components.ingress.settings import HostsSettings, IngressSettings
from components.kubernetes.charts import validate_versions
from components.logging.settings import ElastAlertSettings, ElasticsearchSettings
from components.monitoring.settings import GrafanaSettings, InfluxDbSettings, PrometheusSettings
from components.vault.settings import AppRoleSettings, BackupSettings, ConsulSettings, VaultServerSettings

PROJECT = "platform"
SCHEMA = Path(__file__).parent / "stack.schema.json"
RANGES = ("network.address_space", "cluster.pod_range", "cluster.service_range")
"""What must share no address with one another, nor with Concourse's containers."""
AZURE_KEEPS = 5
"""Addresses of each subnet that Azure keeps for itself."""


class SettingsError(Exception):
    """A stack file with something wrong; the text says all of it."""

    def __init__(self, stack: str, problems: Sequence[Problem]) -> None:
        self.problems = problems
        lines = (f"  {problem.key}: {problem.text}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"Pulumi.{stack}.yaml has {count}:", *lines]))


class Settings(Model):
    """The whole of a stack file: one key for each component, and a few for all of them."""

    azure: AzureSettings
    tags: TagSettings
    protected: bool = Field(examples=[True])
    """Whether what holds data may not be deleted or replaced."""
    replaceable: tuple[Replaceable, ...] = ()
    """What may be, all the same, until a day: each with its reason."""
    network: NetworkSettings
    cluster: ClusterSettings
    database: DatabaseSettings
    storage: StorageSettings
    key_vault: KeyVaultSettings
    dns: DnsSettings
    hosts: HostsSettings = HostsSettings()
    ingress: IngressSettings = IngressSettings()
    certificates: CertificatesSettings
    charts: dict[str, str] = Field(default={}, examples=[{"concourse": "20.1.3"}])
    """Versions of charts that this stack tries before the others: name → version. (The pins of all stacks
    are in components/kubernetes/charts.py.)"""
    metrics: PrometheusSettings = PrometheusSettings()
    telemetry: InfluxDbSettings = InfluxDbSettings()
    dashboards: GrafanaSettings = GrafanaSettings()
    consul: ConsulSettings = ConsulSettings()
    vault: VaultServerSettings = VaultServerSettings()
    credentials: AppRoleSettings = AppRoleSettings()
    backups: BackupSettings = BackupSettings()
    logs: ElasticsearchSettings = ElasticsearchSettings()
    log_alerts: ElastAlertSettings = ElastAlertSettings()
    chartmuseum: ChartMuseumSettings = ChartMuseumSettings()
    concourse: ConcourseSettings
    workers: WorkerSettings
    deployers: DeployersSettings | None = None
    """Who deploys which stack. On one stack alone: the one whose Concourse runs the pipelines."""
    entra: EntraSettings = EntraSettings()
    teams: tuple[TeamSettings, ...] = Field(
        min_length=1,
        examples=[
            [
                {
                    "name": "main",
                    "roles": {"owner": {"oidc": {"groups": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]}}},
                }
            ]
        ],
    )
    """Concourse's teams. To delete one with all that is in it, say removed: true: without its lines it stays,
    and the next update is refused."""

    @staticmethod
    def load(config: Config) -> "Settings":
        """The running stack's settings."""
        # `Config` reads one key by its name; which keys there are only its module knows.
        given = {key: _decoded(value) for key, value in {**get_config_env(), **CONFIG.get()}.items()}
        return validate(given, get_stack(), config.name)

    @property
    def database_ranges(self) -> list[str]:
        """Where the database's address is: in its subnet, or anywhere if it is a public one."""
        subnet = self.network.subnets.database
        return [str(subnet)] if subnet else ["0.0.0.0/0"]

    @property
    def sources(self) -> dict[str, list[str]]:
        """Who reaches each host, by public range; nobody named is everybody."""
        given = self.ingress.source_ranges
        operators, deployers = self.cluster.operator_ranges, self.cluster.deployer_ranges
        closed = {"vault": (*operators, *deployers), "kibana": operators}
        found = {}
        for host in self.hosts.labels():
            ranges = getattr(given, host)
            found[host] = closed.get(host, given.default) if ranges is None else ranges
        return {host: [str(range_) for range_ in ranges] for host, ranges in found.items()}

    def rules(self) -> Iterable[Rule]:
        for one, other in combinations(RANGES, 2):
            yield partial(self._apart, one, other)
        for one in RANGES:
            yield partial(self._apart_from_containers, one)
        yield self._nodes_fit
        yield self._connections_suffice
        yield self._builds_may_finish
        yield self._database_is_reachable
        yield self._pools_have_zones
        yield self._standby_has_a_zone
        yield self._backup_has_a_pair
        yield self._copies_are_possible
        yield self._hosts_can_be_proven
        yield partial(validate_versions, self.charts)
        yield from concourse_rules.rules(self)

    def _apart(self, one: str, other: str) -> Iterator[Problem]:
        first, second = self._range(one), self._range(other)
        if first.overlaps(second):
            text = f"{second} overlaps {_camel(one)} ({first}); give each a range of its own"
            yield Problem(_camel(other), text)

    def _apart_from_containers(self, one: str) -> Iterator[Problem]:
        mine = self._range(one)
        if mine.overlaps(IPv4Network(CONTAINER_RANGE)):
            text = f"{mine} overlaps Concourse's build containers ({CONTAINER_RANGE}); choose another"
            yield Problem(_camel(one), text)

    def _range(self, field: str) -> IPv4Network:
        found: IPv4Network = attrgetter(field)(self)
        return found

    def _nodes_fit(self) -> Iterator[Problem]:
        subnet, most = self.network.subnets.nodes, self.cluster.max_nodes
        room = subnet.num_addresses - AZURE_KEEPS
        if most > room:
            text = f"{subnet} is for {max(room, 0)} nodes, and there can be {most}; widen it"
            yield Problem("network.subnets.nodes", text)

    def _connections_suffice(self) -> Iterator[Problem]:
        sku, replicas = self.database.sku, self.concourse.web.replicas
        if sku in DATABASE_SKUS and replicas * CONNECTIONS_PER_WEB > user_connections(sku):
            room = user_connections(sku)
            text = (
                f"{replicas} need {replicas * CONNECTIONS_PER_WEB} connections, {sku} has {room}; "
                f"at most {room // CONNECTIONS_PER_WEB}, or a larger database.sku"
            )
            yield Problem("concourse.web.replicas", text)

    def _builds_may_finish(self) -> Iterator[Problem]:
        grace = self.workers.termination_grace_period_seconds
        for index, pool in enumerate(self.cluster.worker_pools):
            if pool.drain_timeout_minutes * 60 < grace:
                text = (
                    f"{pool.drain_timeout_minutes} min are less than the {grace} s of a worker "
                    f"(workers.terminationGracePeriodSeconds); at least {-(-grace // 60)}"
                )
                yield Problem(f"cluster.workerPools[{index}].drainTimeoutMinutes", text)

    def _database_is_reachable(self) -> Iterator[Problem]:
        subnet = self.network.subnets.database
        if self.database.access == "private" and not subnet:
            text = "private needs network.subnets.database, a /28 or larger; add it, or say public"
            yield Problem("database.access", text)
        if self.database.access == "public" and subnet:
            text = "nothing is in it with database.access: public; remove it, or say private there"
            yield Problem("network.subnets.database", text)

    def _pools_have_zones(self) -> Iterator[Problem]:
        if not LOCATIONS[self.azure.location].zones:
            for key, pool in self._pools():
                if pool.zones:
                    yield Problem(f"cluster.{key}.zones", f"{self.azure.location} has no zones; say []")

    def _pools(self) -> Iterator[tuple[str, SystemPool]]:
        yield "systemPool", self.cluster.system_pool
        yield from ((f"platformPools[{i}]", pool) for i, pool in enumerate(self.cluster.platform_pools))
        yield from ((f"workerPools[{i}]", pool) for i, pool in enumerate(self.cluster.worker_pools))

    def _standby_has_a_zone(self) -> Iterator[Problem]:
        if self.database.high_availability == "ZoneRedundant" and not LOCATIONS[self.azure.location].zones:
            text = f"{self.azure.location} has no zones; say SameZone or Disabled"
            yield Problem("database.highAvailability", text)

    def _backup_has_a_pair(self) -> Iterator[Problem]:
        if self.database.geo_redundant_backup and not LOCATIONS[self.azure.location].paired:
            text = f"{self.azure.location} has no paired region to keep backups in; say false"
            yield Problem("database.geoRedundantBackup", text)

    def _copies_are_possible(self) -> Iterator[Problem]:
        for problem in self.storage.possible(self.azure.location):
            yield Problem(f"storage.{problem.key}", problem.text)

    def _hosts_can_be_proven(self) -> Iterator[Problem]:
        closed = [host for host, ranges in self.sources.items() if ranges]
        if self.certificates.solver == "http01" and closed:
            text = (
                "http01 needs hosts that Let's Encrypt reaches, and not everybody reaches "
                f"{', '.join(closed)}; say dns01, or [] for them in ingress.sourceRanges"
            )
            yield Problem("certificates.solver", text)


def validate(config: Mapping[str, Any], stack: str, project: str = PROJECT) -> Settings:
    """The settings of a stack file's `config` object. Raises SettingsError."""
    given, problems = {}, list(_misnamed(stack))
    for key, value in config.items():
        namespace, _, name = key.rpartition(":")
        if namespace in ("", project):
            if name not in REQUIRED_SECRETS:
                given[name] = value
        elif namespace != "pulumi":
            meant = f"did you mean {project}:{name}?" if name in Settings.model_fields else "remove it"
            text = f"nothing reads keys of {namespace}: providers go by {project}:azure; {meant}"
            problems.append(Problem(key, text))
    settings, found = read(Settings, given, prefix=f"{project}:")
    if problems or found:
        raise SettingsError(stack, [*problems, *found])
    return settings


def schema() -> dict[str, Any]:
    """The JSON Schema of a stack file."""
    model = Settings.model_json_schema(mode="validation")
    keys = {f"{PROJECT}:{name}": value for name, value in model["properties"].items()}
    keys |= {f"{PROJECT}:{name}": _encrypted(secret.what) for name, secret in REQUIRED_SECRETS.items()}
    config = {
        "type": "object",
        "properties": keys,
        "patternProperties": {"^pulumi:": {}},
        "required": [f"{PROJECT}:{name}" for name in model["required"]],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of the platform",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "$defs": model["$defs"],
    }


def _encrypted(what: str) -> dict[str, Any]:
    return {"type": "object", "description": what, "required": ["secure"]}


def _misnamed(stack: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z][a-z0-9]{1,11}", stack):
        text = f"{stack!r} goes into Azure's names: use 2 to 12 of a-z and 0-9, such as staging"
        yield Problem("(stack name)", text)


def _decoded(value: str) -> object:
    """What a stack file says; the engine hands it on as JSON, all but text."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _camel(path: str) -> str:
    section, field = path.split(".")
    alias = Settings.model_fields[section].annotation.model_fields[field].alias  # type: ignore[union-attr]
    return f"{section}.{alias}"


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
