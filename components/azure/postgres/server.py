"""The PostgreSQL server for all of Concourse's data: pipelines, builds and build logs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from ipaddress import IPv4Network

import pulumi_azure_native as az
import pulumi_random as random
from pulumi import (
    CustomResource,
    CustomTimeouts,
    Input,
    Output,
    Resource,
    ResourceHookBinding,
    ResourceOptions,
)

from components.azure.arm_id import ArmId
from components.azure.postgres.ca_certificates import postgres_roots
from components.azure.postgres.maintenance_window import set_after_creation
from components.azure.postgres.settings import DatabaseSettings, Restore
from components.azure.resource_groups import AzureContext
from components.component import Component, after
from components.config.types import DAYS

PARAMETERS: Mapping[str, str] = {
    "require_secure_transport": "on",
    "ssl_min_protocol_version": "TLSv1.2",
    # Concourse's migrations since 8.0 create this extension and fail if the server does not allow it.
    "azure.extensions": "PGCRYPTO",
}
"""Server parameters that differ from Azure's defaults, or whose defaults must not be changed."""


PORT = 5432
SERVERS = "/providers/Microsoft.DBforPostgreSQL/flexibleServers/"


@dataclass(frozen=True)
class DatabaseServer:
    """How to reach a server and the database on it."""

    host: Output[str]
    """Host name, as in the server's certificate; known once the database can be used."""
    port: int
    name: str
    """The database's."""
    administrator: str | None
    """Login for creating database roles. None: Concourse's role is there."""
    password: Output[str]
    """The administrator's password, which Concourse does not use; without one, that of its role. Secret."""
    ca_certificates: str
    """Root certificates (PEM) that clients verify the server with."""
    ssl_mode: str
    creates_database: bool = False
    """Whether the Job that creates the role creates the database, too."""
    restored: bool = False
    """Whether its data is that of an earlier moment, so that Concourse must not go on with it unasked."""


class Database(Component):
    """A PostgreSQL server with one database and mandatory TLS."""

    server: DatabaseServer
    id: Output[str]
    """ID of the server."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: DatabaseSettings,
        *,
        database: str,
        context: AzureContext,
        group: Input[str],
        subnet: Input[str] | None,
        zone: Input[str] | None,
        clients: Iterable[Input[str]],
        previous: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """The server is created after `previous`, which change the same network.

        `group` is the ID of the context's resource group.
        """
        super().__init__(name, opts)
        self._hook, self._group = set_after_creation(self), Output.from_input(group)
        password = random.RandomPassword(
            f"{name}-administrator",
            length=32,
            special=False,  # it goes into connection strings
            min_lower=1,
            min_upper=1,
            min_numeric=1,
            keepers={"rotation": settings.rotation},
            opts=self.child,
        )
        allowed = {} if settings.access == "private" else dict(enumerate(clients, start=1))
        private_network = (subnet, zone) if settings.access == "private" else (None, None)
        for restore in (*([None] if settings.keep_original else []), *settings.restores):
            server = self._server(
                name, settings, restore, password, context, private_network, previous=previous
            )
            last = self._contents(_label(name, restore), server, database, context, allowed, restore)
            previous = [last]
        self.id = server.id

        # The name in the certificate; it resolves to a private server, too. It comes from the ID, so that a
        # larger disk shows no change to Concourse.
        server_name = ArmId(after(server.id, last.id)).name
        self.server = DatabaseServer(
            host=Output.concat(server_name, ".postgres.database.azure.com"),
            port=PORT,
            name=database,
            administrator=settings.administrator,
            password=password.result,
            ca_certificates=postgres_roots(),
            ssl_mode=settings.ssl_mode,
            restored=bool(settings.restores),
        )
        self.register_outputs({"host": self.server.host, "name": database})

    def _server(
        self,
        name: str,
        settings: DatabaseSettings,
        restore: Restore | None,
        password: random.RandomPassword,
        context: AzureContext,
        network: tuple[Input[str] | None, Input[str] | None],
        *,
        previous: Sequence[Resource],
    ) -> "az.dbforpostgresql.Server":
        """The server, or with `restore` one beside it that starts with the data of a moment.

        A restore takes the login, its password and the databases from the backup, and has no standby
        (hashicorp/terraform-provider-azurerm#18253): the hook sets what the stack file has. Its disk is at
        least the source's, which Azure may have enlarged.
        """
        subnet, zone = network
        return az.dbforpostgresql.Server(
            _label(name, restore),
            **context.common,
            version=settings.version,
            create_mode=_mode(restore),
            source_server_resource_id=self._source(restore) if restore else None,
            point_in_time_utc=f"{restore.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if restore else None,
            administrator_login=settings.administrator,
            administrator_login_password=password.result,
            auth_config={"password_auth": "Enabled", "active_directory_auth": "Disabled"},
            sku={"name": settings.sku, "tier": settings.tier},
            storage={
                "storage_size_gb": None if restore and settings.auto_grow else settings.storage_gb,
                "auto_grow": "Enabled" if settings.auto_grow else "Disabled",
            },
            backup={
                "backup_retention_days": settings.backup_days,
                "geo_redundant_backup": "Enabled" if settings.geo_redundant_backup else "Disabled",
            },
            high_availability={"mode": settings.high_availability},
            network={
                "delegated_subnet_resource_id": subnet,
                "private_dns_zone_arm_resource_id": zone,
                "public_network_access": "Disabled" if settings.access == "private" else "Enabled",
            },
            maintenance_window={
                "custom_window": "Enabled",
                "day_of_week": (DAYS.index(settings.maintenance.day) + 1) % 7,  # Sunday is 0
                "start_hour": settings.maintenance.start_hour,
                "start_minute": 0,
            },
            opts=ResourceOptions(
                parent=self,
                depends_on=list(previous),
                protect=context.protected,
                replace_on_changes=["network.delegatedSubnetResourceId"],  # the subnet is immutable
                ignore_changes=[
                    # These two swap at a failover.
                    "availabilityZone",
                    "highAvailability.standbyAvailabilityZone",
                    *(["storage.storageSizeGB"] if settings.auto_grow else []),  # raised by Azure
                    *(["sourceServerResourceId"] if restore else []),  # counts only at the creation
                ],
                hooks=ResourceHookBinding(after_create=[self._hook]),
                # Creating a server with a standby, restoring and upgrading the major version take long.
                custom_timeouts=CustomTimeouts(
                    create="240m" if restore else "60m", update="120m", delete="60m"
                ),
            ),
        )

    def _source(self, restore: Restore) -> Input[str]:
        """ID of the server whose backups are restored."""
        named = "/" not in restore.source
        return Output.concat(self._group, SERVERS, restore.source) if named else restore.source

    def _contents(
        self,
        name: str,
        server: "az.dbforpostgresql.Server",
        database: str,
        context: AzureContext,
        clients: Mapping[int, Input[str]],
        restore: Restore | None,
    ) -> CustomResource:
        """Create the server's contents one by one and return the last.

        Azure rejects concurrent operations on a server (ServerIsBusy). A restored server has its database,
        and the provider refuses to create what is there.
        """
        last: CustomResource = server
        if restore is None:
            last = az.dbforpostgresql.Database(
                name,
                database_name=database,
                resource_group_name=context.group,
                server_name=server.name,
                charset="UTF8",
                collation="en_US.utf8",
                opts=ResourceOptions(
                    parent=self,
                    protect=context.protected,
                    replace_on_changes=["charset", "collation"],
                ),
            )
        for parameter, value in PARAMETERS.items():
            last = az.dbforpostgresql.Configuration(
                f"{name}-{parameter}",
                configuration_name=parameter,
                resource_group_name=context.group,
                server_name=server.name,
                value=value,
                source="user-override",
                opts=ResourceOptions(parent=self, depends_on=[last]),  # one operation at a time
            )
        for number, client in clients.items():
            start, end = bounds(client)
            last = az.dbforpostgresql.FirewallRule(
                f"{name}-egress-{number}",
                firewall_rule_name=f"egress-{number}",
                resource_group_name=context.group,
                server_name=server.name,
                start_ip_address=start,
                end_ip_address=end,
                opts=ResourceOptions(parent=self, depends_on=[last]),  # one operation at a time
            )
        return last


def _label(name: str, restore: Restore | None) -> str:
    """Name of a server in Pulumi: each moment has its own."""
    return f"{name}-{restore.suffix}" if restore else name


def _mode(restore: Restore | None) -> str:
    if restore is None:
        return "Default"
    return "Update" if restore.finished else "PointInTimeRestore"


def bounds(client: Input[str]) -> tuple[Input[str], Input[str]]:
    """The first and last address of a range; of an address, itself."""
    if isinstance(client, str) and "/" in client:
        net = IPv4Network(client)
        return str(net[0]), str(net[-1])
    return client, client
