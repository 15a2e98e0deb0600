"""The settings of a stack: `Pulumi.<stack>.yaml`, validated as a whole before any resource is registered.

`make generate` writes the JSON Schema that editors use to complete stack files.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import Config, get_stack
from pulumi.runtime.config import CONFIG, get_config_env
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
from components.concourse.worker_settings import WorkerSettings
from components.config.messages import read
from components.config.model import Model, Problem, Rule
from components.config.protection import Replaceable
from components.config.secrets import REQUIRED_SECRETS
from components.entra.settings import EntraSettings
from components.ingress.settings import IngressSettings
from components.kubernetes.charts import validate_versions
from components.logging.settings import LoggingSettings
from components.monitoring.settings import MonitoringSettings
from components.releases.chartmuseum import ChartMuseumSettings
from components.vault.settings import VaultSettings

PROJECT = "platform"
SCHEMA = Path(__file__).parent / "stack.schema.json"


class SettingsError(Exception):
    """A stack file with problems. The text lists all of them."""

    def __init__(self, stack: str, problems: Sequence[Problem]) -> None:
        self.problems = problems
        lines = (f"  {problem.key}: {problem.text}" for problem in problems)
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
    network: NetworkSettings
    cluster: ClusterSettings
    database: DatabaseSettings
    storage: StorageSettings
    key_vault: KeyVaultSettings
    dns: DnsSettings
    ingress: IngressSettings = IngressSettings()
    certificates: CertificatesSettings
    charts: dict[str, str] = Field(default={}, examples=[{"concourse": "20.1.3"}])
    """Chart versions by chart name, to try an upgrade in one stack first. The versions for all stacks are in
    components/kubernetes/charts.py."""
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

    @staticmethod
    def load(config: Config) -> "Settings":
        """The settings of the running stack. Raises SettingsError."""
        # `Config` reads single keys by name. Only its module can list the keys.
        given = {key: _decoded(value) for key, value in {**get_config_env(), **CONFIG.get()}.items()}
        return validate(given, get_stack(), config.name)

    @property
    def database_ranges(self) -> list[str]:
        """CIDRs that contain the database's address: its subnet, or all addresses if access is public."""
        subnet = self.network.subnets.database
        return [str(subnet)] if subnet else ["0.0.0.0/0"]

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
        restricted = {"vault": (*operators, *deployers), "kibana": operators}
        found = {}
        for host in self.ingress.hosts.labels():
            ranges = getattr(given, host)
            found[host] = restricted.get(host, given.default) if ranges is None else ranges
            if found[host] and host in builds:
                found[host] = (*found[host], self.cluster.pod_range)
        return {host: [str(range_) for range_ in ranges] for host, ranges in found.items()}

    @property
    def host_names(self) -> dict[str, str]:
        """Full name of each host, by purpose."""
        return self.ingress.hosts.within(self.dns.name)

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
        yield lambda: rules.nodes_fit_subnet(self.network.subnets.nodes, self.cluster.max_nodes)
        yield lambda: rules.connections_suffice(self.database.sku, self.concourse.web.replicas)
        yield lambda: rules.builds_can_finish(self.workers, self.cluster.worker_pools)
        yield lambda: rules.database_has_its_subnet(self.database.access, self.network.subnets.database)
        yield lambda: rules.pools_have_zones(self.cluster, self.azure.location)
        yield lambda: rules.standby_has_a_zone(self.database, self.azure.location)
        yield lambda: rules.size_is_in_the_region(self.database.sku, self.azure.location)
        yield lambda: rules.backup_has_a_paired_region(self.database, self.azure.location)
        yield lambda: rules.storage_is_available(self.storage, self.azure.location)
        yield lambda: rules.hosts_can_be_validated(self.certificates.solver, self.source_ranges)
        yield lambda: validate_versions(self.charts)
        yield lambda: rules.main_team_exists(self.teams)
        yield lambda: rules.names_are_unique(self.teams, self.concourse.administrator)
        yield lambda: rules.groups_are_known(self.teams, self.entra)
        yield lambda: rules.grafana_groups_can_be_assigned(self.entra)
        yield lambda: rules.team_pools_have_a_team(self.cluster.worker_pools, self.teams)
        yield lambda: rules.each_team_has_a_pool(self.cluster.worker_pools, self.teams)
        yield lambda: rules.deployers_share_concourse_with_nobody(
            self.deployers, self.cluster.worker_pools, self.teams
        )
        yield lambda: rules.volumes_fit(self.workers, self.cluster.worker_pools)
        yield lambda: rules.one_web_node_while_rotating(self.concourse)
        yield lambda: rules.database_roles_differ(self.concourse.database_role, self.database.administrator)


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


def _encrypted(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "required": ["secure"]}


def _stack_name_problems(stack: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z][a-z0-9]{1,11}", stack):
        text = f"{stack!r} becomes part of Azure names: use 2 to 12 of a-z and 0-9, such as staging"
        yield Problem("(stack name)", text)


def _decoded(value: str) -> object:
    """A value as in the stack file. The engine passes everything except text as JSON."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
