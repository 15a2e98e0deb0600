"""Settings of Vault, Consul, the approles and the backups."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule, shown
from components.config.rotation import Rotation
from components.config.types import FIRST_EPOCH, Epoch, Quantity
from components.vault.policy_documents import login_of


class VaultServerSettings(Model):
    """Vault's servers."""

    replicas: Literal[1, 3, 5] = 3
    """Number of Vault servers. One is active, the others are standbys."""
    memory: Quantity = "1Gi"
    """Memory request and limit of each Vault server."""
    audit_storage: Quantity = "16Gi"
    """Size of each Vault server's disk for its audit log, which is up to 9 files of 1 GiB. An update alone
    does not change it: see docs/runbooks/grow-a-disk.md. It cannot be reduced."""


class ConsulSettings(Rotation):
    """Consul's servers."""

    replicas: Literal[1, 3, 5] = 3
    """Number of Consul servers; odd, because they decide by majority. With one server, the data has
    no replica and each update is an outage."""
    storage: Quantity = "16Gi"
    """Size of each Consul server's disk. An update alone does not change it: see
    docs/runbooks/grow-a-disk.md. It cannot be reduced."""
    memory: Quantity = "1Gi"
    """Memory request and limit of each Consul server, which keeps all data in memory."""
    rotation: Epoch = FIRST_EPOCH
    """Month of the tokens of Consul's clients, Vault among them. To rotate them, set a later month and put
    the old one in `previous`."""
    previous: Epoch | None = None
    """Earlier month whose tokens stay valid, because a Vault server uses its token until it restarts. Remove
    it in a later update, after all Vault servers have restarted."""


class AppRoleSettings(Rotation):
    """Vault's approles: one for Concourse, and one for the operators who write its secrets."""

    rotation: Epoch = FIRST_EPOCH
    """Month of the approles' secret ids. To rotate them, set a later month and put the old one in
    `previous`."""
    previous: Epoch | None = None
    """Earlier month whose secret ids stay valid, because a web node uses its secret id until it restarts.
    Remove it in a later update, after all web nodes have restarted."""


class OperatorSettings(Rotation):
    """The login with which this program configures Vault."""

    rotation: Epoch = FIRST_EPOCH
    """Month of the login. To rotate it, set a later month and put the old one in `previous`."""
    previous: Epoch | None = None
    """Earlier month whose login stays valid: it creates the new one, and an interrupted update still uses it.
    Remove it in a later update."""

    def rules(self) -> Iterable[Rule]:
        return (*super().rules(), self._logins_differ)

    def _logins_differ(self) -> Iterator[Problem]:
        if self.previous and login_of(self.previous) == login_of(self.rotation):
            text = f"its login has the name of that of {self.previous}; use another month of the year"
            yield Problem("rotation", text)


CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
"""Least and largest value of cron's fields (kubernetes.io/docs/concepts/workloads/controllers/cron-jobs)."""
PART = re.compile(r"(?:\*|([0-9]+)(?:-([0-9]+))?)(?:/[1-9][0-9]*)?")


def is_cron(schedule: str) -> bool:
    """Whether the schedule has five fields of numbers, ranges and steps that Kubernetes accepts."""
    fields = schedule.split()
    if len(fields) != len(CRON):
        return False
    for field, (least, most) in zip(fields, CRON, strict=True):
        for part in field.split(","):
            found = PART.fullmatch(part)
            if not found or not all(least <= int(number) <= most for number in found.groups() if number):
                return False
    return True


class BackupSettings(Model):
    """Snapshots of Consul in blob storage."""

    schedule: str = Field(default="17 */4 * * *", examples=["17 */4 * * *"])
    """Cron schedule of Consul's snapshots, in UTC. If Consul's disks are lost, so is all data since the last
    snapshot."""

    def rules(self) -> Iterable[Rule]:
        return (self._schedule_is_cron,)

    def _schedule_is_cron(self) -> Iterator[Problem]:
        if not is_cron(self.schedule):
            text = f"{shown(self.schedule)} is not a cron schedule of five numeric fields, as 17 */4 * * * is"
            yield Problem("schedule", text)


class VaultSettings(Model):
    """Vault, its storage Consul, its approles and its backups."""

    enabled: bool = True
    """Whether the stack has Vault. Without it Concourse looks up secrets of pipelines in Kubernetes: those of
    the team `payments` are Secrets in the namespace `team-payments`. They have no backup and no audit log."""

    server: VaultServerSettings = VaultServerSettings()
    """Vault's servers."""
    consul: ConsulSettings = ConsulSettings()
    """Consul's servers, which hold Vault's data."""
    app_roles: AppRoleSettings = AppRoleSettings()
    """Vault's approles for Concourse and for the operators who write its secrets."""
    operator: OperatorSettings = OperatorSettings()
    """The login with which this program configures Vault."""
    backups: BackupSettings = BackupSettings()
    """Snapshots of Consul in blob storage."""
