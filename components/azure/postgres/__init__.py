"""Azure Database for PostgreSQL Flexible Server."""

from components.azure.postgres.ca_certificates import postgres_roots
from components.azure.postgres.existing import existing_server
from components.azure.postgres.server import PORT, Database, DatabaseServer
from components.azure.postgres.settings import DatabaseSettings

__all__ = ["PORT", "Database", "DatabaseServer", "DatabaseSettings", "existing_server", "postgres_roots"]
