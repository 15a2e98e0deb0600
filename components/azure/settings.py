"""Settings for a stack's subscription, tags, storage, key vault and deployers."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.azure.catalog import LOCATIONS, AzureLocation
from components.config.model import Model, Problem, Rule
from components.config.types import ConcourseName, Guid, JobName, PublicCidr, ResourceId, StackName, ZoneId


class AzureSettings(Model):
    """The subscription, tenant and region of the stack."""

    subscription_id: Guid
    """The stack's own subscription, which isolates it from the other stacks."""
    tenant_id: Guid
    """The Entra tenant for the platform's users and workloads."""
    location: AzureLocation
    """The region for all of the stack's resources."""


class TagSettings(Model):
    """Tags for every Azure resource, in addition to `environment`."""

    owner: str = Field(min_length=1, max_length=256, examples=["delivery"])
    """The team to contact (tag `owner`)."""
    cost_center: str = Field(min_length=1, max_length=256, examples=["4711"])
    """The cost center to charge (tag `cost-center`). Quote it if it is a number."""


def azure_tags(settings: TagSettings, environment: str) -> dict[str, str]:
    """The tags for every Azure resource that supports tags."""
    return {
        "environment": environment,
        "owner": settings.owner,
        "cost-center": settings.cost_center,
        "managed-by": "pulumi",
    }


Redundancy = Literal["LRS", "ZRS", "GRS", "GZRS"]
"""Azure's replication: LRS in one data center, ZRS across three zones; G adds the paired region."""


class StorageSettings(Model):
    """Blob storage: replication and retention."""

    charts: Redundancy = "ZRS"
    """Replication of the charts, which pipelines can publish again if they are lost. Geo-replication (G) can
    be switched on and off at any time; zones (Z) need a migration (`az storage account migration start`)."""
    backups: Redundancy = "GZRS"
    """Replication of the backups. G survives the loss of the region. Changes work as for `charts`."""
    soft_delete_days: int = Field(default=30, ge=1, le=365)
    """Days for which deleted blobs, versions and containers can be restored. 1 to 365 are Azure's limits."""
    backup_days: int = Field(default=35, ge=7, le=3650)
    """Days to keep each Consul backup. The default equals the longest retention of database backups."""

    def unavailable(self, location: str) -> Iterator[Problem]:
        """Report each chosen redundancy that the region does not support."""
        region = LOCATIONS[location]
        for key, chosen in (("charts", self.charts), ("backups", self.backups)):
            if "Z" in chosen and not region.zones:
                text = f"{chosen} needs zones, and {location} has none; use {chosen.replace('Z', '')}"
                yield Problem(key, text.replace("use RS", "use LRS"))
            if "G" in chosen and not region.paired:
                other = "ZRS" if region.zones else "LRS"
                yield Problem(key, f"{chosen} needs a paired region, and {location} has none; use {other}")


class KeyVaultSettings(Model):
    """The key vault: key protection and retention after deletion."""

    sku: Literal["standard", "premium"] = "standard"
    """Premium supports HSM-protected keys in addition to the software-protected keys of standard."""
    key_size: Literal[3072, 4096] = 3072
    """Unseal key size in bits. Changing it creates a new key, which cannot unseal existing data."""
    soft_delete_days: int = Field(default=90, ge=7, le=90)
    """Days for which a deleted vault can be recovered; its name stays reserved for as long.

    Azure fixes this when the vault is created."""

    operator_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=100)
    """Public IP ranges for operators who read secrets such as Vault's recovery keys. Rarely needed."""


PIPELINES = ("environment", "drift")
"""Instanced pipelines: one instance for each stack, with `stack` as the instance variable."""
MAX_JOBS = 20 - len(PIPELINES)
"""Entra allows 20 federated credentials for each identity."""


class DeployerSettings(Model):
    """The deployer of one stack."""

    stack: StackName = Field(examples=["staging"])
    """The stack. Only its own pipelines and the jobs below can log in as its deployer."""
    subscription_id: Guid
    """The stack's subscription. The deployer can change nothing else except the Pulumi state."""
    jobs: tuple[JobName, ...] = Field(default=(), max_length=MAX_JOBS, examples=[["plan-release", "release"]])
    """Jobs in the `platform` pipeline that deploy this stack."""
    parent_zone_id: ZoneId | None = None
    """The stack's `dns.parentZoneId`, if it is outside of the stack's subscription. The deployer becomes DNS
    Zone Contributor there, to delegate the stack's zone. The zone's subscription must be this stack's own."""


class DeployersSettings(Model):
    """The deployers of all stacks. Set this only on the stack that runs the deploying Concourse."""

    state_container: ResourceId
    """Container for Pulumi's state. To get it, run `pulumi -C bootstrap stack output container`."""
    state_key: ResourceId
    """Key that encrypts secrets in the state. To get it, run `pulumi -C bootstrap stack output key`."""
    team: ConcourseName = "main"
    """The Concourse team that owns the pipelines."""
    stacks: tuple[DeployerSettings, ...] = Field(min_length=1, examples=[[]])
    """The stacks, one entry for each deployer."""

    def rules(self) -> Iterable[Rule]:
        return (self._once_each,)

    def _once_each(self) -> Iterator[Problem]:
        stacks: set[str] = set()
        jobs: dict[str, str] = {}
        for index, each in enumerate(self.stacks):
            if each.stack in stacks:
                yield Problem(f"stacks[{index}].stack", f"{each.stack} is listed twice; list each stack once")
            for job in each.jobs:
                if job in jobs:
                    text = f"{job} already deploys {jobs[job]}; assign each job to one stack"
                    yield Problem(f"stacks[{index}].jobs", text)
                jobs[job] = each.stack
            stacks.add(each.stack)


class StateSettings(Model):
    """The state backend for all stacks, created once before the first stack (bootstrap/)."""

    subscription_id: Guid
    """Subscription for the state backend: the one of the stack that runs the deploying Concourse."""
    tenant_id: Guid
    """The Entra tenant of the operators and pipelines that deploy."""
    location: AzureLocation
    """The region for the state backend."""
    operators_group: Guid
    """Object ID of the Entra group whose members may deploy by hand."""
    owner: str = Field(min_length=1, examples=["delivery"])
    """The team to contact (tag `owner`)."""
    cost_center: str = Field(min_length=1, examples=["4711"])
    """The cost center to charge (tag `cost-center`)."""
    retention_days: int = Field(default=90, ge=7, le=90)
    """Days for which a deleted state, its container and the key vault can be restored. Earlier versions of
    the state are kept without limit."""
