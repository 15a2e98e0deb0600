"""What a stack chooses about Vault, Consul, the approles and the backups."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import Epoch, Quantity


class VaultServerSettings(Model):
    """Vault's servers, and who reaches them from outside."""

    replicas: Literal[1, 3, 5] = 3
    """One of them answers, the others wait to take its place."""
    memory: Quantity = "1Gi"
    """Of each server."""
    audit_storage: Quantity = "16Gi"
    """For each server's own log of who asked for what: 8 files of 1 GiB, and room for the next. It can grow,
    not shrink."""


class ConsulSettings(Model):
    """Consul's servers."""

    replicas: Literal[1, 3, 5] = 3
    """Odd, as a majority has to be there. One has no second copy, and no update without a break."""
    storage: Quantity = "16Gi"
    """Of each server. It can grow, not shrink."""
    memory: Quantity = "1Gi"
    """All that is stored is in memory too."""


class AppRoleSettings(Model):
    """How Concourse, and who writes secrets for it, log in to Vault."""

    rotation: Epoch = "2026-11"
    """When their secret ids were made. To rotate, move it, and name the one before in `previous`."""
    previous: Epoch | None = None
    """An older one that is still taken: web nodes that have not restarted log in by it again after a break.
    Leave it out in a later update, when all of them have."""

    def rules(self) -> Iterable[Rule]:
        return (self._previous_is_older,)

    def _previous_is_older(self) -> Iterator[Problem]:
        if self.previous and self.previous >= self.rotation:
            text = f"{self.previous} is not before {self.rotation}; name the epoch before it, or leave it out"
            yield Problem("previous", text)


class BackupSettings(Model):
    """Copies of Consul's data in blob storage."""

    schedule: str = Field(default="17 */4 * * *", examples=["17 */4 * * *"])
    """When one is made, as cron writes it, in UTC. What came after is lost if Consul's disks are."""

    def rules(self) -> Iterable[Rule]:
        return (self._schedule_is_cron,)

    def _schedule_is_cron(self) -> Iterator[Problem]:
        if len(self.schedule.split()) != 5:  # noqa: PLR2004 (cron's fields)
            text = f"{self.schedule!r} is no schedule of five fields; every 4 hours is 17 */4 * * *"
            yield Problem("schedule", text)


class VaultSettings(Model):
    """Vault, its storage Consul, its approles and its backups."""

    server: VaultServerSettings = VaultServerSettings()
    """Vault's servers."""
    consul: ConsulSettings = ConsulSettings()
    """Consul's servers, which hold Vault's data."""
    app_roles: AppRoleSettings = AppRoleSettings()
    """Logins of Concourse and of those who write secrets for it."""
    backups: BackupSettings = BackupSettings()
    """Snapshots of Consul in blob storage."""
