"""A PostgreSQL server that somebody else runs."""

from pulumi import Output

from components.azure.postgres.ca_certificates import postgres_roots
from components.azure.postgres.server import DatabaseServer
from components.azure.postgres.settings import DatabaseSettings, ExistingDatabase


def existing_server(
    settings: DatabaseSettings, existing: ExistingDatabase, *, database: str, password: Output[str]
) -> DatabaseServer:
    """How to reach it. `password` is the administrator's, or without one that of Concourse's role."""
    return DatabaseServer(
        host=Output.from_input(existing.host),
        port=existing.port,
        name=database,
        administrator=existing.administrator,
        password=password,
        ca_certificates=existing.ca_certificates or postgres_roots(),
        ssl_mode=settings.ssl_mode,
        creates_database=existing.administrator is not None,
    )
