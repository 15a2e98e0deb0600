-- After a restore: nothing runs before a person has looked. Once for each restored server.
-- psql -X -v ON_ERROR_STOP=1 -f database_restored.sql, with ROLE and PGHOST in the environment.
\set QUIET on
\getenv role ROLE
\getenv server PGHOST

-- The tables are the role's, and Azure's administrator is no superuser.
GRANT :"role" TO CURRENT_USER;
SET ROLE :"role";
CREATE SCHEMA IF NOT EXISTS platform;
CREATE TABLE IF NOT EXISTS platform.restores (server text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());

BEGIN;
INSERT INTO platform.restores (server) VALUES (:'server') ON CONFLICT DO NOTHING;
\set first :ROW_COUNT
\if :first
  UPDATE pipelines SET paused = true, paused_by = 'database restore', paused_at = now() WHERE NOT paused;
  \set pipelines :ROW_COUNT
  -- Builds that ran at that moment would start again, and deploy what is old.
  UPDATE builds SET aborted = true WHERE NOT completed;
  \set builds :ROW_COUNT
  -- Their containers and volumes are gone with them (ON DELETE CASCADE). Workers that live register again.
  DELETE FROM workers;
  \set workers :ROW_COUNT
  COMMIT;
  \echo done: pipelines paused: :pipelines, builds aborted: :builds, workers forgotten: :workers
\else
  COMMIT;
  \echo done: this server has been prepared before
\endif
