"""Concourse's own role in its database."""

import hashlib
import hmac
import subprocess
from base64 import b64decode

import pytest

from components.concourse.database_role import ATTEMPTS, SCRIPT
from components.concourse.scram import verifier
from tests.support.recorder import PASSWORD, SECRET, revealed

JOB = "kubernetes:batch/v1:Job"
NAME = "database-role"


def pod(recorder):
    return recorder.named(JOB)[NAME].inputs["spec"]["template"]


def test_the_verifier_is_computed_as_in_the_rfc():
    """RFC 5802: the stored key is the hash of the client key."""
    method, text = verifier("pencil").split("$", 1)
    (iterations, salt), (stored, server) = (part.split(":") for part in text.split("$"))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert method == "SCRAM-SHA-256"
    assert b64decode(stored) == hashlib.sha256(client).digest()
    assert b64decode(server) == hmac.digest(salted, b"Server Key", "sha256")


def test_the_verifier_is_stable_and_does_not_contain_the_password():
    assert verifier("pencil") == verifier("pencil") != verifier("pencils")
    assert "pencil" not in verifier("pencil")


def test_the_administrators_password_is_in_a_secret_only(run_stack):
    recorder = run_stack("prod")
    secret = recorder.named("kubernetes:core/v1:Secret")[NAME].inputs["stringData"]
    assert SECRET in secret
    assert sorted(revealed(secret)) == ["PGPASSWORD", "VERIFIER"]
    assert PASSWORD not in str(recorder.named(JOB)[NAME].inputs)


def test_the_job_verifies_the_server(run_stack):
    [container] = pod(run_stack("prod"))["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["PGSSLMODE"] == "verify-full"
    roots = run_stack("prod").named("kubernetes:core/v1:ConfigMap")[NAME].inputs["data"]["roots.pem"]
    assert roots.count("BEGIN CERTIFICATE") == 2
    assert environment["PGSSLROOTCERT"] == "/files/roots.pem"


def test_concourse_logs_in_with_its_own_role(run_stack):
    [container] = pod(run_stack("prod"))["spec"]["containers"]
    administrator = {each["name"]: each["value"] for each in container["env"]}["PGUSER"]
    secret = revealed(
        run_stack("prod").named("kubernetes:core/v1:Secret")["concourse-web"].inputs["stringData"]
    )
    assert secret["postgresql-user"] == "concourse" != administrator


def test_the_job_runs_again_after_a_changed_password_or_a_failure(run_stack):
    annotations = run_stack("prod").named(JOB)[NAME].inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/replaceUnready"] == "true"
    checksum = pod(run_stack("prod"))["metadata"]["annotations"]["checksum/config"]
    assert len(checksum) == 64


def test_the_script_uses_the_verifier_and_creates_pgcrypto():
    text = SCRIPT.read_text()
    assert "PASSWORD :'verifier'" in text
    assert "CREATE EXTENSION IF NOT EXISTS pgcrypto" in text


@pytest.mark.parametrize(
    ("codes", "code", "asked"), [([0], 0, 1), ([2, 2, 0], 0, 3), ([3], 1, 1), ([2] * 10, 2, 10)]
)
def test_psql_is_tried_again_while_it_cannot_connect(tmp_path, codes, code, asked):
    """The Job itself has one try: Pulumi sees its failure at once."""
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    given = " ".join(map(str, codes))
    (tmp_path / "psql").write_text(
        f'#!/bin/sh\necho >>"{tmp_path}/calls"\nset -- {given}\n'
        f'shift $(($(wc -l <"{tmp_path}/calls") - 1))\nexit $1\n'
    )
    for name in ("psql", "sleep"):
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    assert subprocess.run(["sh", "-c", ATTEMPTS], env={"PATH": path}, check=False).returncode == code
    assert len((tmp_path / "calls").read_text()) == asked
