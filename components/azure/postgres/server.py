"""The PostgreSQL server for all of Concourse's data: pipelines, builds and build logs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from components.azure.postgres.settings import DatabaseSettings
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
        subnet: Input[str] | None,
        zone: Input[str] | None,
        clients: Iterable[Input[str]],
        previous: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """The server is created after `previous`, which change the same network."""
        super().__init__(name, opts)
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
        private = settings.access == "private"
        server = az.dbforpostgresql.Server(
            name,
            **context.common,
            version=settings.version,
            create_mode="Default",
            administrator_login=settings.administrator,
            administrator_login_password=password.result,
            auth_config={"password_auth": "Enabled", "active_directory_auth": "Disabled"},
            sku={"name": settings.sku, "tier": settings.tier},
            storage={
                "storage_size_gb": settings.storage_gb,
                "auto_grow": "Enabled" if settings.auto_grow else "Disabled",
            },
            backup={
                "backup_retention_days": settings.backup_days,
                "geo_redundant_backup": "Enabled" if settings.geo_redundant_backup else "Disabled",
            },
            high_availability={"mode": settings.high_availability},
            network={
                "delegated_subnet_resource_id": subnet if private else None,
                "private_dns_zone_arm_resource_id": zone if private else None,
                "public_network_access": "Disabled" if private else "Enabled",
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
                ],
                hooks=ResourceHookBinding(after_create=[set_after_creation(self)]),
                # Creating a server with a standby and upgrading the major version both take long.
                custom_timeouts=CustomTimeouts(create="60m", update="120m", delete="60m"),
            ),
        )
        self.id = server.id
        allowed = {} if private else dict(enumerate(clients, start=1))
        last = self._contents(name, server, database, context, allowed)

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
        )
        self.register_outputs({"host": self.server.host, "name": database})

    def _contents(
        self,
        name: str,
        server: "az.dbforpostgresql.Server",
        database: str,
        context: AzureContext,
        clients: Mapping[int, Input[str]],
    ) -> CustomResource:
        """Create the server's contents one by one and return the last.

        Azure rejects concurrent operations on a server (ServerIsBusy).
        """
        last: CustomResource = az.dbforpostgresql.Database(
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


def bounds(client: Input[str]) -> tuple[Input[str], Input[str]]:
    """The first and last address of a range; of an address, itself."""
    if isinstance(client, str) and "/" in client:
        net = IPv4Network(client)
        return str(net[0]), str(net[-1])
    return client, client
