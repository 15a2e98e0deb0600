-- Makes Concourse's role in its database, or changes it to what is given. Safe to run twice.
-- psql -X -v ON_ERROR_STOP=1 -f database_role.sql, with ROLE and VERIFIER in the environment.
\set QUIET on
\getenv role ROLE
\getenv verifier VERIFIER
-- Without either the next statement is no SQL, and this ends.

SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role')
\gexec
-- The verifier of a password, never the password: it could end up in the server's log.
ALTER ROLE :"role" LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'verifier';

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()),
       format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), :'role')
\gexec
GRANT USAGE, CREATE ON SCHEMA public TO :"role";

-- Concourse's migrations ask for it, and on Azure only the administrator may make it.
CREATE EXTENSION IF NOT EXISTS pgcrypto;
\echo the role is there, with its rights
