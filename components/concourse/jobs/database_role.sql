-- Creates Concourse's role in its database, or updates it. Idempotent.
-- psql -X -v ON_ERROR_STOP=1 -f database_role.sql, with ROLE and VERIFIER in the environment.
\set QUIET on
\getenv role ROLE
\getenv verifier VERIFIER
-- If either is missing, the next statement is a syntax error and the script stops.

SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role')
\gexec
-- The password's SCRAM verifier instead of the password, which the server could log.
ALTER ROLE :"role" LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'verifier';

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()),
       format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), :'role')
\gexec
GRANT USAGE, CREATE ON SCHEMA public TO :"role";

-- Concourse's migrations need it, and on Azure only the administrator may create it.
CREATE EXTENSION IF NOT EXISTS pgcrypto;
\echo done: the role exists with its privileges
