"""Settings for a stack's subscription, tags, storage, key vault and deployers."""

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.azure.catalog import LOCATIONS, AzureLocation
from components.config.model import Model, Problem, Rule
from components.config.types import (
    ConcourseName,
    Email,
    Guid,
    JobName,
    PublicCidr,
    ResourceId,
    StackName,
    ZoneId,
)
from components.config.types import text as matching


class AzureSettings(Model):
    """The subscription, tenant and region of the stack."""

    subscription_id: Guid
    """The stack's own subscription, which no other stack has: its deployer may change everything in it."""
    tenant_id: Guid
    """The Entra tenant for the platform's users and workloads."""
    location: AzureLocation
    """The region for all of the stack's resources."""


OWN_TAGS = ("environment", "owner", "cost-center", "managed-by")
MOST_TAGS = 15
"""DNS zones take no more; other resources take 50
(learn.microsoft.com/azure/azure-resource-manager/management/tag-resources)."""
TagName = Annotated[
    str,
    matching(
        r"[^<>%&\\?/\s]{1,128}",
        "a tag's name: at most 128 characters, without spaces and < > % & \\ ? /",
    ),
]
TagValue = Annotated[str, Field(max_length=256)]


class TagSettings(Model):
    """Tags for every Azure resource, in addition to `environment`."""

    owner: str = Field(min_length=1, max_length=256, examples=["delivery"])
    """The team to contact (tag `owner`)."""
    cost_center: str = Field(min_length=1, max_length=256, examples=["4711"])
    """The cost center to charge (tag `cost-center`). Quote it if it is a number."""
    extra: dict[TagName, TagValue] = Field(
        default={}, max_length=MOST_TAGS - len(OWN_TAGS), examples=[{"data-class": "internal"}]
    )
    """More tags, such as those that a policy of your organization requires."""

    def rules(self) -> Iterable[Rule]:
        return (self._extra_are_others,)

    def _extra_are_others(self) -> Iterator[Problem]:
        """Azure compares the names of tags without regard to case (same page)."""
        lower = [name.lower() for name in self.extra]
        for name in self.extra:
            if name.lower() in OWN_TAGS:
                yield Problem(f"extra.{name}", f"{name} is set by the program; remove it, or choose another")
            elif lower.count(name.lower()) > 1:
                yield Problem(f"extra.{name}", f"{name} is there twice for Azure; use one spelling")


def azure_tags(settings: TagSettings, environment: str) -> dict[str, str]:
    """The tags for every Azure resource that supports tags."""
    return {
        **settings.extra,
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

    def unavailable(self, location: str, unused: Collection[str] = ()) -> Iterator[Problem]:
        """Report each chosen redundancy that the region does not support, except of `unused` accounts."""
        region = LOCATIONS[location]
        for key, chosen in (("charts", self.charts), ("backups", self.backups)):
            if key in unused:
                continue
            if "Z" in chosen and not region.zones:
                text = f"{chosen} needs zones, and {location} has none; use {chosen.replace('Z', '')}"
                yield Problem(key, text.replace("use RS", "use LRS"))
            if "G" in chosen and not region.paired:
                other = "ZRS" if region.zones else "LRS"
                yield Problem(key, f"{chosen} needs a paired region, and {location} has none; use {other}")


class WorkspaceSettings(Model):
    """The stack's own Log Analytics workspace, for what Azure itself logs."""

    enabled: bool = True
    """Whether the stack has it. Without it, and without `logging.workspaceId`, Azure keeps none of these
    logs."""
    retention_days: int = Field(default=90, ge=30, le=730)
    """Days to keep the logs. The first 31 cost nothing
    (azure.microsoft.com/pricing/details/monitor)."""
    daily_cap_gb: int = Field(default=2, ge=1, le=100)
    """Gigabytes a day after which Azure drops what is logged until the next day: a limit of costs."""


class AzureAlertSettings(Model):
    """Receivers of Azure Monitor's alerts about PostgreSQL and NAT gateway. Without one there are none."""

    emails: tuple[Email, ...] = Field(default=(), max_length=20)
    """Addresses that get an e-mail."""
    webhook: bool = False
    """Whether a URL gets the alerts as JSON, in Azure's common alert schema. It is the secret
    `azureAlertWebhook`."""

    @property
    def receivers(self) -> bool:
        """Whether anybody receives the alerts."""
        return bool(self.emails) or self.webhook


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
