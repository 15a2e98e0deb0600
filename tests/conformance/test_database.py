"""A real PostgreSQL lets Concourse in as the program says, and by no other way."""

import pytest

from components.trust import postgres_roots
from tests.conformance.certificates import Authority


@pytest.fixture
def roots(tmp_path, database_server):
    """Files that clients trust: Azure's roots alone, and as one file with this server's."""
    azure, both = tmp_path / "azure.pem", tmp_path / "both.pem"
    azure.write_text(postgres_roots())
    both.write_text(postgres_roots() + database_server.ca.read_text())
    return {"azure": str(azure), "both": str(both)}


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_of_one_of_several_roots_is_trusted(database_server, roots, mode):
    asked = database_server.psql("-c", "select 1", PGSSLMODE=mode, PGSSLROOTCERT=roots["both"])
    assert asked.stdout == "1\n", asked.stderr


def test_a_server_of_no_azure_root_is_refused_by_verify_ca(database_server, roots):
    asked = database_server.psql("-c", "select 1", PGSSLMODE="verify-ca", PGSSLROOTCERT=roots["azure"])
    assert "certificate verify failed" in asked.stderr


def test_a_server_of_another_authority_is_refused(database_server, tmp_path):
    other = Authority(tmp_path).certificate
    asked = database_server.psql("-c", "select 1", PGSSLMODE="verify-ca", PGSSLROOTCERT=str(other))
    assert "certificate verify failed" in asked.stderr


def test_a_server_by_another_name_is_refused_by_verify_full_only(database_server, roots):
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
