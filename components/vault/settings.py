"""What a stack chooses about Vault, Consul, the approles and the backups."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import Epoch, Quantity


class VaultServerSettings(Model):
    """Vault's servers."""

    replicas: Literal[1, 3, 5] = 3
    """Number of servers. One is active, the others are standbys."""
    memory: Quantity = "1Gi"
    """Memory request and limit of each Vault server."""
    audit_storage: Quantity = "16Gi"
    """Disk of each Vault server for its audit log: up to 9 files of 1 GiB. It can grow, not shrink."""


class ConsulSettings(Model):
    """Consul's servers."""

    replicas: Literal[1, 3, 5] = 3
    """Number of servers, odd for a majority. With one, the data has no replica, and updates are outages."""
    storage: Quantity = "16Gi"
    """Disk of each Consul server. It can grow, not shrink."""
    memory: Quantity = "1Gi"
    """Memory request and limit of each Consul server. Consul keeps all data in memory too."""


class AppRoleSettings(Model):
    """Vault's approles: Concourse, and the people who write secrets for it."""

    rotation: Epoch = "2026-11"
    """Month of the approles' secret ids. To rotate, set a later one and put the old in `previous`."""
    previous: Epoch | None = None
    """Older month whose secret ids stay valid: a web node uses its secret id until it restarts. Remove it in
    a later update, after all web nodes have restarted."""

    def rules(self) -> Iterable[Rule]:
        return (self._previous_is_older,)

    def _previous_is_older(self) -> Iterator[Problem]:
        if self.previous and self.previous >= self.rotation:
            text = f"{self.previous} is not before {self.rotation}; name the epoch before it, or leave it out"
            yield Problem("previous", text)


class BackupSettings(Model):
    """Snapshots of Consul in blob storage."""

    schedule: str = Field(default="17 */4 * * *", examples=["17 */4 * * *"])
    """Cron schedule of the snapshots, in UTC. A loss of Consul's disks loses all data since the last one."""

    def rules(self) -> Iterable[Rule]:
        return (self._schedule_is_cron,)

    def _schedule_is_cron(self) -> Iterator[Problem]:
        if len(self.schedule.split()) != 5:  # noqa: PLR2004 (cron's fields)
            text = f"{self.schedule!r} is not a cron schedule of five fields; every 4 hours is 17 */4 * * *"
            yield Problem("schedule", text)


class VaultSettings(Model):
    """Vault, its storage Consul, its approles and its backups."""

    server: VaultServerSettings = VaultServerSettings()
    """Vault's servers."""
    consul: ConsulSettings = ConsulSettings()
    """Consul's servers, which hold Vault's data."""
    app_roles: AppRoleSettings = AppRoleSettings()
    """Approles of Concourse, and of the people who write secrets for it."""
    backups: BackupSettings = BackupSettings()
    """Snapshots of Consul in blob storage."""
