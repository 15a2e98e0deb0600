"""What a stack chooses about its database server."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.azure.catalog import DATABASE_SKUS, DATABASE_STORAGE_GB
from components.config.model import Model, Problem, Rule, suggestion
from components.config.types import DatabaseName, DatabaseUser, Epoch, Weekly


class DatabaseSettings(Model):
    """PostgreSQL: its size, how it survives a failure, and who reaches it how."""

    name: DatabaseName | None = None
    """Concourse's database; `concourse-<stack>` unless given."""
    version: Literal["16", "17"] = "17"
    """Major version. It can be raised, with minutes of standstill, and never lowered."""
    tier: Literal["Burstable", "GeneralPurpose", "MemoryOptimized"] = "GeneralPurpose"
    """What kind of machine. A Burstable one works for a demonstration: it slows down when used for long."""
    sku: str = "Standard_D2ds_v5"
    """Size, of the tier. Its memory says how many connections there are; a web node takes 85."""
    storage_gb: int = 128
    """GiB. Most of it is build logs. It can grow and never shrink."""
    auto_grow: bool = True
    """Whether Azure adds storage before it runs out. If so, storageGb is what it starts with."""
    high_availability: Literal["ZoneRedundant", "SameZone", "Disabled"] = "ZoneRedundant"
    """Where a standby is kept up to date, ready within two minutes."""
    backup_days: int = Field(default=35, ge=7, le=35)
    """How far back the server can be restored to any moment. Azure's limits."""
    geo_redundant_backup: bool = True
    """Whether backups are in the paired region too. A server keeps what it was made with."""
    access: Literal["private", "public"] = "private"
    """Private: in the network's database subnet. Public: for the stack's egress alone."""
    ssl_mode: Literal["verify-ca", "verify-full"] = "verify-ca"
    """What clients check: the certificate's issuer, or that and its host name."""
    administrator: DatabaseUser = "concourseadmin"
    """The server's administrator. Another name is another server."""
    rotation: Epoch = "2026-11"
    """Month of the administrator's password. A later one makes a new password."""
    maintenance: Weekly = Weekly()
    """When Azure may restart the server; it takes up to an hour."""

    def rules(self) -> Iterable[Rule]:
        return (self._sku_exists, self._sku_in_tier, self._standby_possible, self._storage_exists)

    def _sku_exists(self) -> Iterator[Problem]:
        if self.sku not in DATABASE_SKUS:
            text = f"{self.sku!r} is not a size of a PostgreSQL server"
            yield Problem("sku", f"{text}; {suggestion(self.sku, DATABASE_SKUS)}")

    def _sku_in_tier(self) -> Iterator[Problem]:
        sku = DATABASE_SKUS.get(self.sku)
        if sku and sku.tier != self.tier:
            yield Problem(
                "sku",
                f"{self.sku} is of the tier {sku.tier}; choose one of {self.tier} or change tier",
            )

    def _standby_possible(self) -> Iterator[Problem]:
        if self.tier == "Burstable" and self.high_availability != "Disabled":
            text = "a Burstable server has no standby; say Disabled, or choose tier: GeneralPurpose"
            yield Problem("highAvailability", text)

    def _storage_exists(self) -> Iterator[Problem]:
        if self.storage_gb not in DATABASE_STORAGE_GB:
            sizes = ", ".join(map(str, DATABASE_STORAGE_GB))
            yield Problem("storageGb", f"{self.storage_gb} is not a size of a disk; choose from {sizes}")
