"""Azure Database for PostgreSQL Flexible Server."""

from components.azure.postgres.server import Database
from components.azure.postgres.settings import DatabaseSettings

__all__ = ["Database", "DatabaseSettings"]
