"""A real PostgreSQL accepts Concourse's connection, and refuses others."""

import pytest

from components.azure.postgres.ca_certificates import postgres_roots
from components.concourse.database_role import SCRIPT
from components.concourse.scram import verifier
from tests.conformance.certificates import Authority


@pytest.fixture
def roots(tmp_path, database_server):
    """CA files for clients: Azure's roots, and the same with this server's root."""
    azure, both = tmp_path / "azure.pem", tmp_path / "both.pem"
    azure.write_text(postgres_roots())
    both.write_text(postgres_roots() + database_server.ca.read_text())
    return {"azure": str(azure), "both": str(both)}


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_with_one_of_several_trusted_roots_is_accepted(database_server, roots, mode):
    asked = database_server.psql("-c", "select 1", PGSSLMODE=mode, PGSSLROOTCERT=roots["both"])
    assert asked.stdout == "1\n", asked.stderr


def test_verify_ca_refuses_a_server_without_an_azure_root(database_server, roots):
    asked = database_server.psql("-c", "select 1", PGSSLMODE="verify-ca", PGSSLROOTCERT=roots["azure"])
    assert "certificate verify failed" in asked.stderr


def test_a_server_with_another_ca_is_refused(database_server, tmp_path):
    other = Authority(tmp_path).certificate
    asked = database_server.psql("-c", "select 1", PGSSLMODE="verify-ca", PGSSLROOTCERT=str(other))
    assert "certificate verify failed" in asked.stderr


def test_only_verify_full_refuses_a_server_with_another_name(database_server, roots):
    away = {"PGHOST": "elsewhere.example.org", "PGHOSTADDR": "127.0.0.1", "PGSSLROOTCERT": roots["both"]}
    strict = database_server.psql("-c", "select 1", PGSSLMODE="verify-full", **away)
    assert "does not match host name" in strict.stderr
    assert database_server.psql("-c", "select 1", PGSSLMODE="verify-ca", **away).stdout == "1\n"


def test_a_connection_without_tls_is_refused(database_server):
    asked = database_server.psql("-c", "select 1", PGSSLMODE="disable")
    assert "no encryption" in asked.stderr


def test_old_tls_is_refused(database_server):
    asked = database_server.psql(
        "-c", "select 1", PGSSLMINPROTOCOLVERSION="TLSv1", PGSSLMAXPROTOCOLVERSION="TLSv1.1"
    )
    assert asked.returncode
    assert "SSL error" in asked.stderr


@pytest.fixture
def role(database_server):
    """Runs the role Job's script as Azure's administrator, not a superuser, in a database of its own."""
    for statement in (
        "drop database if exists platform",
        "drop role if exists concourse, operator, azure_pg_admin",
        "create role azure_pg_admin createdb createrole",
        "create role operator login createdb createrole password 'operator' in role azure_pg_admin",
        "create database platform owner azure_pg_admin",
    ):
        done = database_server.psql("-c", statement)
        assert done.returncode == 0, done.stderr

    def run(password):
        who = {"PGUSER": "operator", "PGPASSWORD": "operator", "ROLE": "concourse"}
        return database_server.psql(
            "-f", str(SCRIPT), database="platform", VERIFIER=verifier(password), **who
        )

    return run


def login(server, password, statement="select current_user"):
    return server.psql("-c", statement, database="platform", PGUSER="concourse", PGPASSWORD=password)


def test_the_role_can_log_in_and_migrate_after_one_or_two_runs(database_server, role):
    for password in ("first", "first", "second"):
        done = role(password)
        assert done.returncode == 0, done.stderr
        assert password not in done.stdout + done.stderr
        assert login(database_server, password).stdout == "concourse\n"
        made = login(
            database_server, password, "create table t (id int); select digest('', 'md5'); drop table t"
        )
        assert made.returncode == 0, made.stderr
    assert "password authentication failed" in login(database_server, "first").stderr


def test_the_role_cannot_create_roles_or_databases(database_server, role):
    assert role("first").returncode == 0
    assert "permission denied" in login(database_server, "first", "create role other").stderr
    assert "permission denied" in login(database_server, "first", "create database other").stderr


def test_the_script_fails_without_its_variables(database_server, role):
    who = {"PGUSER": "operator", "PGPASSWORD": "operator"}
    assert database_server.psql("-f", str(SCRIPT), database="platform", **who).returncode
