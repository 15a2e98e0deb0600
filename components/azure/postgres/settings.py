"""Settings for the database server."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.azure.catalog import DATABASE_SKUS, DATABASE_STORAGE_GB
from components.config.model import Model, Problem, Rule, shown, suggestion
from components.config.types import Cidr, DatabaseName, DatabaseUser, DnsName, Epoch, Pem, Weekly


class ExistingDatabase(Model):
    """A PostgreSQL server that is there already. The program makes no server, firewall or DNS for it.

    The password is the secret `databasePassword`.
    """

    host: DnsName = Field(examples=["pg.example.org"])
    """The server's name, as in its certificate."""
    port: int = Field(default=5432, ge=1, le=65535)
    """The server's port; of a connection pooler, only one that pools sessions."""
    ranges: tuple[Cidr, ...] = Field(min_length=1, max_length=20, examples=[["10.9.4.0/28"]])
    """Addresses of the server, which the cluster's network policies open for Concourse."""
    administrator: DatabaseUser | None = None
    """A login that may create roles and databases. With it, a Job creates Concourse's database and role.
    Unset: both are there, with the extension pgcrypto, and the password is `concourse.databaseRole`'s."""
    ca_certificates: Pem | None = None
    """Certificates that sign the server's certificate. Unset: those of Azure's PostgreSQL."""


class DatabaseSettings(Model):
    """PostgreSQL: size, availability, backups and access."""

    name: DatabaseName | None = None
    """Name of Concourse's database. Defaults to `concourse-<stack>`."""
    version: Literal["16", "17"] = "17"
    """PostgreSQL major version. It can be raised, with minutes of downtime, but never lowered."""
    tier: Literal["Burstable", "GeneralPurpose", "MemoryOptimized"] = "GeneralPurpose"
    """Compute tier. Burstable suits demonstrations only: it slows down under sustained load."""
    sku: str = "Standard_D2ds_v5"
    """VM size, from the chosen tier. Its memory determines the connection limit; each web node uses 85."""
    storage_gb: int = 128
    """Storage size in GiB, mostly for build logs. It can grow but never shrink.

    With `autoGrow: true`, it is the size at creation, and a later change here has no effect: Azure adds
    storage by itself. To add some at once, set `autoGrow: false` and the new size, run `up`, and set
    `autoGrow: true` again."""
    auto_grow: bool = True
    """Let Azure add storage before it runs out. If true, storageGb counts only at the server's creation."""
    high_availability: Literal["ZoneRedundant", "SameZone", "Disabled"] = "ZoneRedundant"
    """Placement of the standby server, which takes over within two minutes."""
    backup_days: int = Field(default=35, ge=7, le=35)
    """Days for point-in-time restore. 7 to 35 are Azure's limits."""
    geo_redundant_backup: bool = True
    """Also keep backups in the paired region. Azure fixes this when the server is created."""
    access: Literal["private", "public"] = "private"
    """Private: in the network's database subnet. Public: reachable only from the stack's egress addresses."""
    ssl_mode: Literal["verify-ca", "verify-full"] = "verify-ca"
    """What clients verify: verify-ca checks the certificate's issuer; verify-full also the host name."""
    administrator: DatabaseUser = "concourseadmin"
    """Administrator login. Changing it replaces the server."""
    rotation: Epoch = "2026-11"
    """Month of the last rotation of the administrator's password. A later month generates a new one."""
    maintenance: Weekly = Weekly()
    """Weekly maintenance window of up to one hour, in which Azure may restart the server."""
    existing: ExistingDatabase | None = None
    """A server to use instead of a new one. Only `name` and `sslMode` apply beside it."""

    def rules(self) -> Iterable[Rule]:
        if self.existing:
            return (self._nothing_for_nobody,)
        return (self._sku_exists, self._sku_in_tier, self._standby_possible, self._storage_exists)

    def _nothing_for_nobody(self) -> Iterator[Problem]:
        for name in sorted(self.model_fields_set - {"existing", "name", "ssl_mode"}):
            key = type(self).model_fields[name].alias or name
            yield Problem(key, "has no effect on a server of somebody else's (database.existing); remove it")

    def _sku_exists(self) -> Iterator[Problem]:
        if self.sku not in DATABASE_SKUS:
            text = f"{shown(self.sku)} is not an available PostgreSQL server size"
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
            text = "a Burstable server has no standby; use Disabled, or choose tier: GeneralPurpose"
            yield Problem("highAvailability", text)

    def _storage_exists(self) -> Iterator[Problem]:
        if self.storage_gb not in DATABASE_STORAGE_GB:
            sizes = ", ".join(map(str, DATABASE_STORAGE_GB))
            yield Problem(
                "storageGb", f"{self.storage_gb} is not an available disk size; choose from {sizes}"
            )
