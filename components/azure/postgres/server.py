"""The PostgreSQL server for all of Concourse's data: pipelines, builds and build logs."""

from collections.abc import Iterable, Mapping, Sequence

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


class Database(Component):
    """A PostgreSQL server with one database and mandatory TLS."""

    host: Output[str]
    """Host name, as in the server's certificate; known once the database can be used."""
    name: str
    administrator: str
    password: Output[str]
    """Administrator password (secret), for creating database roles. Concourse does not use it."""
    ca_certificates: str
    """Root certificates (PEM) that clients verify the server with."""
    ssl_mode: str

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
        allowed = {} if private else dict(enumerate(clients, start=1))
        last = self._contents(name, server, database, context, allowed)

        self.name = database
        self.administrator = settings.administrator
        self.ssl_mode = settings.ssl_mode
        self.password = password.result
        self.ca_certificates = postgres_roots()
        # The name in the certificate; it resolves to a private server, too. It comes from the ID, so that a
        # larger disk shows no change to Concourse.
        server_name = ArmId(after(server.id, last.id)).name
        self.host = Output.concat(server_name, ".postgres.database.azure.com")
        self.register_outputs({"host": self.host, "name": self.name})

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
        for number, address in clients.items():
            last = az.dbforpostgresql.FirewallRule(
                f"{name}-egress-{number}",
                firewall_rule_name=f"egress-{number}",
                resource_group_name=context.group,
                server_name=server.name,
                start_ip_address=address,
                end_ip_address=address,
                opts=ResourceOptions(parent=self, depends_on=[last]),  # one operation at a time
            )
        return last
