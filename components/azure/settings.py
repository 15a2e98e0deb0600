"""What a stack chooses about its subscription, tags, storage, keys and deployers."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.azure.catalog import LOCATIONS, AzureLocation
from components.config.model import Model, Problem, Rule
from components.config.types import ArmId, ConcourseName, Guid, PublicCidr


class AzureSettings(Model):
    """Whose Azure this is, and where."""

    subscription_id: Guid
    """The stack's own subscription: what one stack does, another cannot."""
    tenant_id: Guid
    """The Entra tenant of the people and programs that use the platform."""
    location: AzureLocation
    """The region that everything is in."""


class TagSettings(Model):
    """What everything in Azure is tagged with, beside the environment."""

    owner: str = Field(min_length=1, max_length=256, examples=["delivery"])
    """The team to ask."""
    cost_center: str = Field(min_length=1, max_length=256, examples=["4711"])
    """Who pays, in quotes if it is a number."""


def azure_tags(settings: TagSettings, environment: str) -> dict[str, str]:
    """What every resource in Azure that can carry tags does carry."""
    return {
        "environment": environment,
        "owner": settings.owner,
        "cost-center": settings.cost_center,
        "managed-by": "pulumi",
    }


Redundancy = Literal["LRS", "ZRS", "GRS", "GZRS"]
"""Where copies are: in one building, in three zones, and with a G in the paired region too."""


class StorageSettings(Model):
    """Blob storage: where its copies are, and how long what was deleted can be had back."""

    charts: Redundancy = "ZRS"
    """Copies of the charts, which pipelines could publish again. Azure adds and takes away a G at any
    time, a Z only on request (`az storage account migration start`)."""
    backups: Redundancy = "GZRS"
    """Copies of the backups: with a G they survive the loss of the region. Changed as those of charts."""
    soft_delete_days: int = Field(default=30, ge=1, le=365)
    """For how long deleted blobs, versions and containers can be had back. Azure's limits."""
    backup_days: int = Field(default=35, ge=7, le=3650)
    """Days that a backup of Consul is kept: as long as the database's can be at most."""

    def unavailable(self, location: str) -> Iterator[Problem]:
        """The chosen redundancies that a region does not offer."""
        region = LOCATIONS[location]
        for key, chosen in (("charts", self.charts), ("backups", self.backups)):
            if "Z" in chosen and not region.zones:
                text = f"{chosen} needs zones, and {location} has none; say {chosen.replace('Z', '')}"
                yield Problem(key, text.replace("say RS", "say LRS"))
            if "G" in chosen and not region.paired:
                other = "ZRS" if region.zones else "LRS"
                yield Problem(key, f"{chosen} needs a paired region, and {location} has none; say {other}")


class KeyVaultSettings(Model):
    """The key vault: how its keys are kept, and how long what was deleted can be had back."""

    sku: Literal["standard", "premium"] = "standard"
    """Premium keeps keys in a hardware module; it can hold the same keys."""
    key_size: Literal[3072, 4096] = 3072
    """Bits of the unseal key. Another size is another key, which opens nothing that this one sealed."""
    soft_delete_days: int = Field(default=90, ge=7, le=90)
    """For how long the deleted vault can be had back, and its name not be used.

    A vault keeps what it was made with."""

    operator_ranges: tuple[PublicCidr, ...] = Field(default=(), max_length=100)
    """Where people reach its data from, such as Vault's recovery keys. Nobody does from day to day."""


PIPELINES = ("environment", "drift")
"""Pipelines that there is one of for each stack, with the stack as their instance variable."""
MOST_JOBS = 20 - len(PIPELINES)
"""Entra takes 20 credentials of an identity."""


class DeployerSettings(Model):
    """The deployer of one stack."""

    stack: ConcourseName = Field(examples=["staging"])
    """The stack. Only its own pipelines log in as its deployer, and the jobs below."""
    subscription_id: Guid
    """The stack's subscription: all that its deployer can change, beside the state."""
    jobs: tuple[ConcourseName, ...] = Field(
        default=(), max_length=MOST_JOBS, examples=[["plan-release", "release"]]
    )
    """Jobs of pipeline `platform` that are for this stack."""


class DeployersSettings(Model):
    """The deployers of all stacks. On the stack whose Concourse deploys the others, and nowhere else."""

    state_container: ArmId
    """Where Pulumi's state is. Of bootstrap/: `pulumi -C bootstrap stack output container`."""
    state_key: ArmId
    """The key that secrets in it are encrypted by. Of bootstrap/ as well: `… stack output key`."""
    team: ConcourseName = "main"
    """The Concourse team that the pipelines are in."""
    stacks: tuple[DeployerSettings, ...] = Field(min_length=1, examples=[[]])
    """Each stack that has a deployer."""

    def rules(self) -> Iterable[Rule]:
        return (self._once_each,)

    def _once_each(self) -> Iterator[Problem]:
        stacks: set[str] = set()
        jobs: dict[str, str] = {}
        for index, each in enumerate(self.stacks):
            if each.stack in stacks:
                yield Problem(f"stacks[{index}].stack", f"{each.stack} is there already; name each once")
            for job in each.jobs:
                if job in jobs:
                    text = f"{job} is for {jobs[job]} already; a job deploys one stack"
                    yield Problem(f"stacks[{index}].jobs", text)
                jobs[job] = each.stack
            stacks.add(each.stack)


class StateSettings(Model):
    """The state of all stacks. It is made once, before any of them (bootstrap/)."""

    subscription_id: Guid
    """The subscription that it is in: that of the stack whose Concourse deploys the others."""
    tenant_id: Guid
    """The Entra tenant of the people and programs that deploy."""
    location: AzureLocation
    """The region that it is in."""
    people: Guid
    """Object id of the Entra group of those who may deploy by hand."""
    owner: str = Field(min_length=1, examples=["delivery"])
    """The team to ask: a tag."""
    cost_center: str = Field(min_length=1, examples=["4711"])
    """Who pays: a tag."""
    kept_days: int = Field(default=90, ge=7, le=90)
    """Days for which an older version of the state, or what was deleted, can be had back."""
