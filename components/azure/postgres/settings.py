"""Settings for the database server."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from components.azure.catalog import DATABASE_SKUS, DATABASE_STORAGE_GB
from components.config.model import Model, Problem, Rule, shown, suggestion
from components.config.types import (
    Cidr,
    DatabaseName,
    DatabaseServerRef,
    DatabaseUser,
    DnsName,
    Epoch,
    Pem,
    Weekly,
)


def moment(value: object) -> object:
    """The engine passes a timestamp without quotes as `2026-11-20 03:00:00 +0000 UTC`."""
    return re.sub(r" \+0000 UTC$", "Z", value) if isinstance(value, str) else value


class Restore(Model):
    """A new server with the data of an earlier moment. It stays until a person removes it."""

    source: DatabaseServerRef
    """Server whose backups are used: its name in the stack's stateful resource group, or its resource ID.
    Read once, when the new server is created."""
    at: Annotated[AwareDatetime, BeforeValidator(moment)] = Field(examples=["2026-11-20T03:00:00Z"])
    """The moment, with a time zone. Azure keeps `backupDays` days, up to about five minutes ago. The new
    server's name has it, so that another moment is another server."""

    finished: bool = False
    """True once the new server is in use. The provider sends every later change with the whole request
    (pulumi-azure-native#3961), which would ask for the restore again; then it asks for an update."""

    def rules(self) -> Iterable[Rule]:
        return (self._past,)

    @property
    def suffix(self) -> str:
        """The moment as a part of the new server's name."""
        return f"{self.at.astimezone(UTC):%Y%m%dt%H%M%Sz}"

    def _past(self) -> Iterator[Problem]:
        if self.at > datetime.now(UTC):
            yield Problem("at", f"{self.at:%Y-%m-%dT%H:%M:%S%z} is in the future; give a moment that is past")


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
    restores: tuple[Restore, ...] = ()
    """Restores to an earlier moment, in order. Concourse uses the last one's server, with all pipelines
    paused. Never remove an entry whose server is in use (docs/runbooks/restore-database.md)."""
    keep_original: bool = True
    """Whether the server from before all restores stays. If false, it is deleted, which
    `platform:replaceable` must allow."""
    existing: ExistingDatabase | None = None
    """A server to use instead of a new one. Only `name` and `sslMode` apply beside it."""

    def rules(self) -> Iterable[Rule]:
        if self.existing:
            return (self._nothing_for_nobody,)
        return (
            self._sku_exists,
            self._sku_in_tier,
            self._standby_possible,
            self._storage_exists,
            self._each_moment_once,
            self._original_in_use,
        )

    def _each_moment_once(self) -> Iterator[Problem]:
        seen = [one.suffix for one in self.restores]
        for index, suffix in enumerate(seen):
            if suffix in seen[:index]:
                text = "another restore has the same moment, and so the same server; choose another second"
                yield Problem(f"restores[{index}].at", text)

    def _original_in_use(self) -> Iterator[Problem]:
        if not self.keep_original and not self.restores:
            yield Problem("keepOriginal", "without restores the original server is in use; remove the line")

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
