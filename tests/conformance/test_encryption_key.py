"""Rotations of Concourse's encryption key, on a real PostgreSQL: every row stays readable.

The keys of each step are those of the program's own Secret. Concourse itself is not here: no package has its
binary. `start` does what Concourse 8.2 does when it starts with these keys, by its source:
atc/db/migration/migration.go (Migrate), encryption.go beside it, and atc/db/encryption/encryption_key.go. It
commits each row by itself, so that a killed start leaves rows of both keys.
"""

import hashlib
import itertools
import json
import os
from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pulumi import Output

from components.azure.resource_groups import AzureContext
from components.concourse.keys import ConcourseKeys
from components.concourse.settings import ConcourseSettings
from components.concourse.web_secret import web_secret
from components.kubernetes.rotation_record import ENCRYPTION, skipped
from tests.components.concourse.test_web import DATABASE, LOGIN, chart_values
from tests.support import recorder
from tests.support.recorder import secret

A, B, C = "2026-11", "2027-05", "2027-11"
COLUMNS = (
    ("teams", "legacy_auth", "id"),
    ("resources", "config", "id"),
    ("jobs", "config", "id"),
    ("resource_types", "config", "id"),
    ("prototypes", "config", "id"),
    ("builds", "private_plan", "id"),
    ("cert_cache", "cert", "domain"),
    ("pipelines", "var_sources", "id"),
)
"""What Concourse encrypts: table, column, primary key (`encryptedColumns`)."""
ROWS = 3
KILLED_AFTER = len(COLUMNS) * ROWS // 2


class UnknownKeyError(Exception):
    """Concourse ends at its start: row encrypted with neither old nor new key."""


class Row(NamedTuple):
    table: str
    column: str
    primary: str
    key: str
    text: str
    nonce: str | None


def sealed(key, plain):
    nonce = os.urandom(12)
    return AESGCM(key.encode()).encrypt(nonce, plain.encode(), None).hex(), nonce.hex()


def opened(key, row):
    """The plain text of a row, or None with another key."""
    try:
        return AESGCM(key.encode()).decrypt(bytes.fromhex(row.nonce), bytes.fromhex(row.text), None).decode()
    except InvalidTag:
        return None


class Rows:
    """The encrypted tables."""

    def __init__(self, server, key):
        self.server = server
        assert server.psql("-c", "drop schema public cascade; create schema public").returncode == 0
        statements = []
        for table, column, primary in COLUMNS:
            statements.append(f"create table {table} ({primary} text primary key, {column} text, nonce text)")
            for number in range(ROWS):
                text, nonce = sealed(key, f"{table} {number}")
                statements.append(f"insert into {table} values ('{number}', '{text}', '{nonce}')")
        statements.append("insert into builds values ('finished', null, null)")
        self.run(statements)

    def run(self, statements):
        done = self.server.psql("-c", "; ".join(statements))
        assert done.returncode == 0, done.stderr

    def all(self):
        parts = (
            f"select json_build_array('{table}', '{column}', '{primary}', {primary}, {column}, nonce)"
            f" from {table} where nonce is not null"
            for table, column, primary in COLUMNS
        )
        done = self.server.psql("-c", " union all ".join(parts))
        assert done.returncode == 0, done.stderr
        return [Row(*json.loads(line)) for line in done.stdout.splitlines()]

    def readable(self, *keys):
        """Whether each row can be read with one of the keys, and has what was written."""
        texts = [next(filter(None, (opened(key, row) for key in keys)), None) for row in self.all()]
        return sorted(map(str, texts)) == sorted(
            f"{table} {number}" for table, _, _ in COLUMNS for number in range(ROWS)
        )

    def start(self, new, old, killed_after=None):
        """Re-encrypt from `old` to `new`, as Concourse does when it starts with both."""
        if old is None:
            return
        statements = []
        try:
            for row in self.all():
                plain = opened(old, row)
                if plain is None:
                    if opened(new, row) is None:
                        raise UnknownKeyError
                    continue
                text, nonce = sealed(new, plain)
                statements.append(
                    f"update {row.table} set {row.column} = '{text}', nonce = '{nonce}'"
                    f" where {row.primary} = '{row.key}'"
                )
        finally:
            if statements:
                self.run(statements[:killed_after])


@pytest.fixture
def keys(run, monkeypatch):
    """The keys that web nodes get in a step: (new, old or None), from the program's Secret and values."""
    password = "random:index/randomPassword:RandomPassword"
    monkeypatch.setitem(
        recorder.ANSWERS,
        password,
        lambda args: {"result": secret(hashlib.sha256(args.name.encode()).hexdigest()[:32])},
    )

    def of(step):
        chosen = ConcourseSettings(encryption=step).encryption

        def program():
            made = ConcourseKeys(
                "concourse", pools=[], rotation=ConcourseSettings().keys, epochs=chosen.epochs,
                context=AzureContext("group", "westeurope", {}, protected=True), vault="kv",
            )  # fmt: skip
            found = web_secret(
                keys=made, rotating=chosen.rotating, users="", database=DATABASE, login=LOGIN, vault=None,
                shared=[], teams={},
            )  # fmt: skip
            Output.all(**{key: found[key] for key in found if "encryption" in key}).apply(seen.update)

        seen = {}
        run(program)
        # The chart gives the old key to the pods only with this value.
        passed = "oldEncryptionKey" in chart_values(encryption=step)["secrets"]
        assert passed == ("old-encryption-key" in seen)
        return seen["encryption-key"], seen.get("old-encryption-key")

    return of


def step(*epochs, rotating=False):
    return {"epochs": epochs, "rotating": rotating}


def refused(done, wanted):
    """What the program has against a step: by the stack file alone, or by the record of the step before."""
    chosen = ConcourseSettings(encryption=wanted).encryption
    record, next_ = (
        {ENCRYPTION: " ".join([*each["epochs"], *(["rotating"] if each["rotating"] else [])])}
        for each in (done, wanted)
    )
    return [*(problem for rule in chosen.rules() for problem in rule()), *skipped(record, next_)]


STEPS = [
    step(A),
    step(A, B, rotating=True),
    step(A, B),
    step(A, B, C, rotating=True),
    step(A, B, C),
    step(B, C),
]


def test_every_row_is_readable_after_each_step_of_two_rotations(database_server, keys):
    rows = Rows(database_server, keys(STEPS[0])[0])
    for done, wanted in itertools.pairwise(STEPS):
        assert refused(done, wanted) == []
        new, old = keys(wanted)
        rows.start(new, old)
        assert rows.readable(new), wanted


def test_a_rotation_that_is_killed_half_way_leaves_rows_of_both_keys_and_continues(database_server, keys):
    rows = Rows(database_server, keys(step(A))[0])
    new, old = keys(step(A, B, rotating=True))
    rows.start(new, old, killed_after=KILLED_AFTER)
    assert not rows.readable(old)
    assert not rows.readable(new)
    assert rows.readable(new, old)
    rows.start(new, old)
    assert rows.readable(new)
    rows.start(new, old)
    assert rows.readable(new), "a web node that restarts in this step re-encrypts nothing twice"


def test_an_aborted_rotation_hides_rows_until_it_continues(database_server, keys):
    """The key that they need is protected in the state, and in Key Vault (test_web.py)."""
    rows = Rows(database_server, keys(step(A))[0])
    both = keys(step(A, B, rotating=True))
    rows.start(*both, killed_after=KILLED_AFTER)
    for wrong in (step(A), step(A, B)):
        rows.start(*keys(wrong))
        assert not rows.readable(keys(wrong)[0])
    rows.start(*both)
    assert rows.readable(both[0])


SETS = [each for length in (1, 2, 3) for each in itertools.combinations((A, B, C), length)]
POSSIBLE = [step(*each, rotating=rotating) for each in SETS for rotating in (False, True)]


@pytest.mark.parametrize("done", [step(A), step(A, B, rotating=True), step(A, B)])
def test_the_steps_that_are_refused_are_exactly_those_after_which_rows_are_unreadable(
    database_server, keys, done
):
    used = keys(done)[0]
    rows = Rows(database_server, used)
    for wanted in POSSIBLE:
        if len(wanted["epochs"]) == 1 and wanted["rotating"]:
            assert refused(done, wanted)  # there is no old key
            continue
        new, old = keys(wanted)
        before = rows.all()
        try:
            rows.start(new, old)
            lost = not rows.readable(new)
        except UnknownKeyError:
            lost = True
        assert bool(refused(done, wanted)) == lost, (done, wanted, refused(done, wanted))
        rows.run(
            f"update {row.table} set {row.column} = '{row.text}', nonce = '{row.nonce}'"
            f" where {row.primary} = '{row.key}'"
            for row in before
        )
