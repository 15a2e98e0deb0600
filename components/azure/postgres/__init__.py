"""Azure Database for PostgreSQL Flexible Server."""
