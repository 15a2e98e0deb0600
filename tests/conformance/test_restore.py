"""A real PostgreSQL, restored to a moment: what Concourse finds, and what is prepared before it looks."""

import os
import pwd
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from components.concourse.database_role import RESTORED_SCRIPT, SCRIPT
from components.concourse.scram import verifier
from tests.conformance.servers import HOST, postgres

KEY = b"the-32-characters-of-concourse-x"
"""An encryption key as Concourse has it: 32 characters are the bytes of AES-256."""
SCHEMA = """
create table teams (id serial primary key, name text not null, auth text, nonce text);
create table pipelines (id serial primary key, name text not null, paused boolean not null default false,
                        paused_by text, paused_at timestamptz);
create table builds (id serial primary key, status text not null, completed boolean not null default false,
                     aborted boolean not null default false);
create table workers (name text primary key);
create table volumes (handle text primary key, worker_name text references workers (name) on delete cascade);
"""
"""The tables of Concourse 8.2.5 that a restore touches, with those columns (atc/db/migration/migrations)."""
CONTENT = """
insert into pipelines (name, paused, paused_by) values ('release', false, null), ('old', true, 'ann');
insert into builds (status, completed) values ('succeeded', true), ('started', false), ('pending', false);
insert into workers values ('worker-0');
insert into volumes values ('v', 'worker-0');
"""


def sealed(text: bytes) -> tuple[str, str]:
    """Ciphertext and nonce as Concourse writes them (atc/db/encryption/encryption_key.go)."""
    nonce = os.urandom(12)
    return AESGCM(KEY).encrypt(nonce, text, None).hex(), nonce.hex()


def opened(row: str) -> bytes:
    text, nonce = row.strip().split("|")
    return AESGCM(KEY).decrypt(bytes.fromhex(nonce), bytes.fromhex(text), None)


def done(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.fixture(scope="module")
def restored():
    """A server recovered from a base backup and the archived log, to a moment between two teams."""
    with tempfile.TemporaryDirectory(prefix="archive-") as place:
        archive, base = Path(place) / "wal", Path(place) / "base"
        archive.mkdir()
        Path(place).chmod(0o711)
        if os.geteuid() == 0:  # the account that the server runs as
            os.chown(archive, pwd.getpwnam("nobody").pw_uid, -1)
        with postgres(archive_mode="on", archive_command=f"cp %p {archive}/%f") as source:
            command = [source.bin / "pg_basebackup", "-D", base, "-h", HOST, "-p", str(source.port)]
            login = {
                "PGPASSWORD": source.password,
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": str(source.ca),
            }
            done(source.psql("-c", SCHEMA))
            subprocess.run(
                [*command, "-U", "administrator", "-X", "none", "-c", "fast"],
                env={"PATH": os.environ["PATH"], **login}, check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            for name, secret in (("before", b"kept"), ("after", b"too late")):
                text, nonce = sealed(secret)
                done(
                    source.psql(
                        "-c", f"insert into teams (name, auth, nonce) values ('{name}', '{text}', '{nonce}')"
                    )
                )
                if name == "before":
                    done(source.psql("-c", "select pg_sleep(1)"))
                    moment = done(source.psql("-c", "select now()"))
                    done(source.psql("-c", "select pg_sleep(1)"))
            wanted = done(source.psql("-c", "select pg_walfile_name(pg_switch_wal())"))
            end = time.monotonic() + 60
            while not (archive / wanted).exists() and time.monotonic() < end:
                time.sleep(0.2)
        with postgres(
            base,
            restore_command=f"cp {archive}/%f %p",
            recovery_target_time=moment,
            recovery_target_action="promote",
        ) as server:
            while done(server.psql("-c", "select pg_is_in_recovery()")) == "t":
                time.sleep(0.2)
            yield server


def test_what_was_written_before_the_moment_is_readable_with_the_encryption_key(restored):
    assert opened(done(restored.psql("-c", "select auth, nonce from teams where name = 'before'"))) == b"kept"


def test_what_was_written_after_the_moment_is_absent(restored):
    assert done(restored.psql("-c", "select name from teams")) == "before"


@pytest.fixture
def concourses(database_server):
    """A restored database with Concourse's tables, and the Job's two scripts run on it as on Azure."""
    for statement in (
        "drop database if exists platform",
        "drop role if exists concourse, operator, azure_pg_admin",
        "create role azure_pg_admin createdb createrole",
        "create role operator login createdb createrole password 'operator' in role azure_pg_admin",
        "create database platform owner azure_pg_admin",
    ):
        done(database_server.psql("-c", statement))

    def run(script, server="restored.postgres.database.azure.com"):
        who = {"PGUSER": "operator", "PGPASSWORD": "operator", "ROLE": "concourse", "PGHOST": server}
        return database_server.psql(
            "-f", str(script), database="platform", VERIFIER=verifier("first"), PGHOSTADDR=HOST,
            PGSSLMODE="verify-ca", **who,
        )  # fmt: skip

    def ask(statement):
        login = {"PGUSER": "concourse", "PGPASSWORD": "first"}
        return done(database_server.psql("-c", statement, database="platform", **login))

    done(run(SCRIPT))
    ask(SCHEMA + CONTENT)
    return run, ask


def test_a_restored_concourse_starts_paused_without_old_builds_and_workers(concourses):
    run, ask = concourses
    said = done(run(RESTORED_SCRIPT))
    assert said.endswith("done: pipelines paused: 1, builds aborted: 2, workers forgotten: 1")
    assert ask("select name, paused, paused_by from pipelines order by name") == (
        "old|t|ann\nrelease|t|database restore"
    )
    assert ask("select status, aborted from builds order by id") == "succeeded|f\nstarted|t\npending|t"
    assert ask("select (select count(*) from workers), (select count(*) from volumes)") == "0|0"


def test_a_restored_database_is_prepared_once_and_again_after_the_next_restore(concourses):
    """The Job runs again when an image or a password changes. What a person has started stays so."""
    run, ask = concourses
    done(run(RESTORED_SCRIPT))
    ask("update pipelines set paused = false; insert into workers values ('worker-1')")
    assert done(run(RESTORED_SCRIPT)).endswith("this server has been prepared before")
    assert ask("select count(*) from pipelines where paused") == "0"
    assert ask("select name from workers") == "worker-1"
    assert "workers forgotten: 1" in done(run(RESTORED_SCRIPT, "later.postgres.database.azure.com"))
