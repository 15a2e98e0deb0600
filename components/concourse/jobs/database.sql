-- Creates Concourse's database on a server that somebody else runs, unless it is there.
-- psql -X -v ON_ERROR_STOP=1 -d postgres -f database.sql, with PGDATABASE in the environment.
\set QUIET on
\getenv database PGDATABASE

SELECT format('CREATE DATABASE %I', :'database')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
\echo done: the database exists
