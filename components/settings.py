"""The settings of a stack: `Pulumi.<stack>.yaml`, validated as a whole before any resource is registered.

`make generate` writes the JSON Schema that editors use to complete stack files.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from pydantic import Field

from components import rules
from components.azure.aks.settings import ClusterSettings
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
from components.concourse.settings import ConcourseSettings
from components.concourse.team_settings import TeamSettings
from components.concourse.worker_settings import CONTAINER_RANGE, WorkerSettings
from components.config.messages import read
from components.config.model import Model, Problem, Rule, printable, shown
from components.config.policy import PolicySettings
from components.config.protection import Replaceable
from components.config.rotation import Rotation
from components.config.secrets import REQUIRED_SECRETS
from components.config.stack_file import KNOWN, PROJECT
from components.config.teams_file import NAME, TEAMS, TEAMS_FILE
from components.entra.settings import EntraSettings
from components.ingress.settings import IngressSettings
from components.kubernetes.charts import validate_versions
from components.kubernetes.network_policies import External, Outside
from components.kubernetes.parts import without_hosts
from components.kubernetes.settings import ChartsSettings, ImagesSettings, ProxySettings, no_proxy
from components.logging.settings import LoggingSettings
from components.monitoring.settings import MonitoringSettings
from components.releases.chartmuseum import ChartMuseumSettings
from components.vault.settings import VaultSettings

SCHEMA = Path(__file__).parent / "stack.schema.json"


class SettingsError(Exception):
    """A stack file with problems. The text lists all of them."""

    def __init__(self, stack: str, problems: Sequence[Problem]) -> None:
        self.problems = problems
        lines = (printable(f"  {problem.key}: {problem.text}") for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"Pulumi.{stack}.yaml has {count}:", *lines]))


class Settings(Model):
    """A whole stack file: a section for each part of the platform, and a few keys for all of them."""

    azure: AzureSettings
    tags: TagSettings
    protected: bool = Field(  # `pulumi config set`, whatever it sets, writes "true" for true
        examples=[True], json_schema_extra={"type": ["boolean", "string"], "pattern": "^(true|false)$"}
    )
    """Whether resources that hold data are protected from deletion and replacement."""
    replaceable: tuple[Replaceable, ...] = ()
    """Exceptions to `protected`, by URN, each with a reason and an expiry date."""
    policy: PolicySettings = PolicySettings()
    network: NetworkSettings
    cluster: ClusterSettings = Field(
        examples=[
            {
                "kubernetesVersion": "1.36",
                "adminGroupObjectIds": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"],
                "operatorRanges": ["203.0.113.0/28"],
                "workerPools": [{"name": "workers1"}],
            }
        ]
    )
    database: DatabaseSettings
    storage: StorageSettings
    key_vault: KeyVaultSettings
    dns: DnsSettings
    ingress: IngressSettings = IngressSettings()
    certificates: CertificatesSettings
    charts: ChartsSettings = ChartsSettings()
    images: ImagesSettings = ImagesSettings()
    proxy: ProxySettings | None = None
    monitoring: MonitoringSettings = MonitoringSettings()
    logging: LoggingSettings = LoggingSettings()
    vault: VaultSettings = VaultSettings()
    chartmuseum: ChartMuseumSettings = ChartMuseumSettings()
    concourse: ConcourseSettings
    workers: WorkerSettings
    deployers: DeployersSettings | None = None
    """Identities of the pipelines that deploy stacks. Set this only on the stack whose Concourse runs the
    pipelines."""
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
    """Concourse's teams. To delete a team with its pipelines and builds, set `removed: true`. If you only
    delete its lines, the team stays and the next update is refused."""
    teams_file: str | None = Field(default=None, pattern=f"^{NAME}$", examples=["teams/prod.yaml"])
    """A file with `teams:`, instead of `teams` here: the engine passes a stack file of at most 120 KiB, about
    700 teams. The file is in the folder `teams/` of the checkout."""

    @property
    def left_out(self) -> frozenset[str]:
        """Parts that the stack does not have, by their names in `parts.PARTS`."""
        switches = {
            "influxdb": self.monitoring.influxdb.enabled,
            "logging": self.logging.enabled,
            "grafana": self.monitoring.grafana.enabled,
            "chartmuseum": self.chartmuseum.enabled,
            "vault": self.vault.enabled,
        }
        return frozenset(part for part, enabled in switches.items() if not enabled)

    @property
    def host_labels(self) -> dict[str, str]:
        """Label of each host that the stack has, by purpose."""
        return self.ingress.hosts.labels(without_hosts(self.left_out))

    @property
    def secret_namespaces(self) -> list[str]:
        """Namespaces with the secrets of one team each, in a stack without Vault."""
        return [] if self.vault.enabled else [team.namespace for team in self.teams]

    def existing_database(self, stack: str) -> rules.ExistingDatabase:
        """Host and name of the stack's database, if it is on a server that is there already."""
        server = self.database.existing
        return (server.host, self.database_name(stack)) if server else None

    def database_name(self, stack: str) -> str:
        """Name of Concourse's database."""
        return self.database.name or f"concourse-{stack}"

    @property
    def rotations(self) -> dict[str, Rotation]:
        """Credentials with an overlap, by key of the stack file."""
        found: dict[str, Rotation] = {"concourse.keys": self.concourse.keys}
        if self.vault.enabled:
            found |= {
                "vault.appRoles": self.vault.app_roles,
                "vault.consul": self.vault.consul,
                "vault.operator": self.vault.operator,
            }
        return found

    @property
    def brings(self) -> tuple[str, ...]:
        """The settings with something that is there already and needs a secret."""
        existing = ("database.existing",) if self.database.existing else ()
        webhook = ("monitoring.azureMonitor.webhook",) if self.monitoring.azure_monitor.webhook else ()
        return (*existing, *webhook, *self.monitoring.alerting.brings)

    @property
    def outside(self) -> dict[External, Outside]:
        """What is outside the cluster and not the internet.

        The database's address is in its subnet, or anywhere if access is public.
        """
        subnet, server = self.network.subnets.database, self.database.existing
        found = {External.DATABASE: Outside([str(subnet or "0.0.0.0/0")])}
        if server:
            found[External.DATABASE] = Outside([str(net) for net in server.ranges], server.port)
        if self.cluster.private:  # its private endpoint
            found[External.API_SERVER] = Outside([str(self.network.subnets.nodes)])
        if self.proxy:
            found[External.PROXY] = Outside([str(net) for net in self.proxy.ranges], self.proxy.port)
        if self.workers.private_ranges:
            found[External.PRIVATE] = Outside([str(net) for net in self.workers.private_ranges])
        return found

    @property
    def direct(self) -> list[str]:
        """What is reached without the proxy; empty if there is none."""
        cluster = self.cluster
        ranges = (cluster.service_range, cluster.pod_range, self.network.address_space)
        own = [str(cluster.service_range[1]), *map(str, ranges)]
        return no_proxy(self.proxy, self.dns.name, own) if self.proxy else []

    @property
    def source_ranges(self) -> dict[str, list[str]]:
        """Allowed CIDRs of clients, by host. An empty list allows everybody.

        Builds use hosts from inside the cluster, by their pod's address: Concourse and ChartMuseum on every
        stack, Vault on the one that deploys itself.
        """
        given, builds = (
            self.ingress.source_ranges,
            {"concourse", "charts", *(["vault"] if self.deployers else [])},
        )
        operators, deployers = self.cluster.operator_ranges, self.cluster.deployer_ranges
        if self.cluster.private:
            operators = self.cluster.private.clients
        restricted = {"vault": (*operators, *deployers), "kibana": operators}
        found = {}
        for host in self.host_labels:
            ranges = getattr(given, host)
            found[host] = restricted.get(host, given.default) if ranges is None else ranges
            if found[host] and host in builds:
                found[host] = (*found[host], self.cluster.pod_range)
        return {host: [str(range_) for range_ in ranges] for host, ranges in found.items()}

    @property
    def host_names(self) -> dict[str, str]:
        """Full name of each host, by purpose."""
        return self.ingress.hosts.within(self.dns.name, without_hosts(self.left_out))

    def rules(self) -> Iterable[Rule]:
        yield lambda: rules.ranges_do_not_overlap(
            ("network.addressSpace", self.network.address_space), ("cluster.podRange", self.cluster.pod_range)
        )
        yield lambda: rules.ranges_do_not_overlap(
            ("network.addressSpace", self.network.address_space),
            ("cluster.serviceRange", self.cluster.service_range),
        )
        yield lambda: rules.ranges_do_not_overlap(
            ("cluster.podRange", self.cluster.pod_range), ("cluster.serviceRange", self.cluster.service_range)
        )
        yield lambda: rules.outside_container_range("network.addressSpace", self.network.address_space)
        yield lambda: rules.outside_container_range("cluster.podRange", self.cluster.pod_range)
        yield lambda: rules.outside_container_range("cluster.serviceRange", self.cluster.service_range)
        yield lambda: rules.outside_reserved_ranges("network.addressSpace", self.network.address_space)
        yield lambda: rules.outside_reserved_ranges("cluster.podRange", self.cluster.pod_range)
        yield lambda: rules.outside_reserved_ranges("cluster.serviceRange", self.cluster.service_range)
        yield lambda: rules.ingress_is_reachable(self.ingress, self.network)
        yield lambda: rules.clients_are_public(self.ingress)
        yield lambda: rules.zone_is_of_the_region(self.cluster.private, self.azure.location)
        nodes, address = self.network.subnets.nodes, self.ingress.internal_address
        yield lambda: rules.nodes_fit_subnet(
            nodes, self.cluster.max_nodes, bool(address) + bool(self.cluster.private)
        )
        yield lambda: rules.ingress_address_is_free(address, nodes, self.cluster.max_nodes)
        yield self._outside_is_reachable
        for rule in (
            lambda: rules.connections_suffice(self.database.sku, self.concourse.web.replicas),
            lambda: rules.standby_has_a_zone(self.database, self.azure.location),
            lambda: rules.size_is_in_the_region(self.database.sku, self.azure.location),
            lambda: rules.backup_has_a_paired_region(self.database, self.azure.location),
        ):
            yield partial(self._of_own_server, rule)
        yield lambda: rules.builds_can_finish(self.workers, self.cluster.worker_pools)
        yield lambda: rules.database_has_its_subnet(self.database, self.network.subnets.database)
        yield lambda: rules.pools_have_zones(self.cluster, self.azure.location)
        yield lambda: rules.storage_is_available(self.storage, self.azure.location, self.left_out)
        yield lambda: rules.hosts_can_be_validated(self.certificates.solver, self.source_ranges, self.ingress)
        yield lambda: validate_versions(self.charts.versions)
        yield lambda: rules.mirror_exists_before_the_stack(
            self.charts.repository, self.host_names.get("charts", "")
        )
        yield lambda: rules.main_team_exists(self.teams)
        yield lambda: rules.users_fit_a_variable(self.teams, self.concourse.administrator)
        yield lambda: rules.teams_fit_a_config_map(self.teams)
        yield lambda: rules.names_are_unique(self.teams, self.concourse.administrator)
        yield lambda: rules.groups_are_known(self.teams, self.entra)
        for of_grafana in (rules.grafana_groups_can_be_assigned, rules.grafana_has_users):
            yield partial(self._of_grafana, of_grafana)
        yield lambda: () if self.vault.enabled else rules.teams_have_namespaces(self.teams)
        yield lambda: rules.team_pools_have_a_team(self.cluster.worker_pools, self.teams)
        yield lambda: rules.each_team_has_a_pool(self.cluster.worker_pools, self.teams)
        yield lambda: rules.deployers_share_concourse_with_nobody(
            self.deployers, self.cluster.worker_pools, self.teams
        )
        yield lambda: rules.volumes_fit(self.workers, self.cluster.worker_pools)
        yield lambda: rules.one_web_node_while_rotating(self.concourse)
        yield lambda: rules.database_roles_differ(self.concourse.database_role, self.database)

    def _of_grafana(self, rule: Callable[[EntraSettings], Iterable[Problem]]) -> Iterable[Problem]:
        return rule(self.entra) if self.monitoring.grafana.enabled else ()

    def _outside_is_reachable(self) -> Iterator[Problem]:
        used = {
            "cluster.podRange": self.cluster.pod_range,
            "cluster.serviceRange": self.cluster.service_range,
        }
        used["Concourse's build containers"] = IPv4Network(CONTAINER_RANGE)
        proxy, server, private = self.proxy, self.database.existing, self.cluster.private
        for key, ranges in (
            ("network.peeredRanges", self.network.peered_ranges),
            ("proxy.ranges", proxy.ranges if proxy else ()),
            ("database.existing.ranges", server.ranges if server else ()),
            ("cluster.private.clients", private.clients if private else ()),
            ("workers.privateRanges", self.workers.private_ranges),
        ):
            for index, net in enumerate(ranges):
                yield from rules.outside_of_cluster(f"{key}[{index}]", net, used)

    def _of_own_server(self, rule: Rule) -> Iterable[Problem]:
        return () if self.database.existing else rule()


def validate(config: Mapping[str, Any], stack: str, project: str = PROJECT) -> Settings:
    """The settings of a stack file's `config` object. Raises SettingsError."""
    given, problems = {}, list(_stack_name_problems(stack))
    for key, value in config.items():
        namespace, _, name = key.rpartition(":")
        if namespace in ("", project):
            if name not in REQUIRED_SECRETS:
                given[name] = value
        elif namespace != "pulumi":
            meant = f"did you mean {project}:{name}?" if name in Settings.model_fields else "remove it"
            text = f"nothing reads keys of {namespace}: providers are configured by {project}:azure; {meant}"
            problems.append(Problem(key, text))
    settings, found = read(Settings, given, prefix=f"{project}:")
    if problems or found:
        raise SettingsError(stack, [*problems, *found])
    return settings


def schema() -> dict[str, Any]:
    """The JSON Schema of a stack file."""
    model = Settings.model_json_schema(mode="validation")
    keys = {f"{PROJECT}:{name}": value for name, value in model["properties"].items()}
    keys |= {f"{PROJECT}:{name}": _encrypted(secret.description) for name, secret in REQUIRED_SECRETS.items()}
    config = {
        "type": "object",
        "properties": keys,
        "patternProperties": {"^pulumi:": {}},
        "required": [f"{PROJECT}:{name}" for name in model["required"] if name != "teams"],
        "oneOf": [{"required": [key]} for key in (TEAMS, TEAMS_FILE)],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of the platform",
        "type": "object",
        "properties": {**{key: {"type": "string"} for key in KNOWN}, "config": config},
        "required": ["config"],
        "additionalProperties": False,
        "$defs": model["$defs"],
    }


def _encrypted(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "required": ["secure"]}


def _stack_name_problems(stack: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z][a-z0-9]{1,11}", stack):
        text = f"{shown(stack)} becomes part of Azure names: use 2 to 12 of a-z and 0-9, such as staging"
        yield Problem("(stack name)", text)


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
