"""Concourse's own login of its database."""

import hashlib
import hmac
from base64 import b64decode

from components.concourse.database_role import SCRIPT
from components.concourse.scram import verifier
from tests.support.recorder import PASSWORD, SECRET, revealed

JOB = "kubernetes:batch/v1:Job"
NAME = "database-role"


def pod(recorder):
    return recorder.named(JOB)[NAME].inputs["spec"]["template"]


def test_a_verifier_is_what_a_server_checks_a_login_by():
    """As RFC 5802 has it: the stored key is the hash of what a client proves that it has."""
    method, text = verifier("pencil").split("$", 1)
    (iterations, salt), (stored, server) = (part.split(":") for part in text.split("$"))
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert method == "SCRAM-SHA-256"
    assert b64decode(stored) == hashlib.sha256(client).digest()
    assert b64decode(server) == hmac.digest(salted, b"Server Key", "sha256")


def test_a_verifier_is_the_same_at_every_run_and_has_no_password_in_it():
    assert verifier("pencil") == verifier("pencil") != verifier("pencils")
    assert "pencil" not in verifier("pencil")


def test_the_job_has_the_administrators_password_in_a_secret_alone(run_stack):
    recorder = run_stack("prod")
    secret = recorder.named("kubernetes:core/v1:Secret")[NAME].inputs["stringData"]
    assert SECRET in secret
    assert sorted(revealed(secret)) == ["PGPASSWORD", "VERIFIER"]
    assert PASSWORD not in str(recorder.named(JOB)[NAME].inputs)


def test_the_server_is_verified_as_the_stack_says(run_stack):
    [container] = pod(run_stack("prod"))["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["PGSSLMODE"] == "verify-full"
    roots = run_stack("prod").named("kubernetes:core/v1:ConfigMap")[NAME].inputs["data"]["roots.pem"]
    assert roots.count("BEGIN CERTIFICATE") == 2
    assert environment["PGSSLROOTCERT"] == "/files/roots.pem"


def test_concourse_logs_in_by_its_own_role(run_stack):
    [container] = pod(run_stack("prod"))["spec"]["containers"]
    administrator = {each["name"]: each["value"] for each in container["env"]}["PGUSER"]
    secret = revealed(
        run_stack("prod").named("kubernetes:core/v1:Secret")["concourse-web"].inputs["stringData"]
    )
    assert secret["postgresql-user"] == "concourse" != administrator


def test_the_job_is_run_again_when_a_password_changes_and_when_it_failed(run_stack):
    annotations = run_stack("prod").named(JOB)[NAME].inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/replaceUnready"] == "true"
    stamp = pod(run_stack("prod"))["metadata"]["annotations"]["checksum/config"]
    assert len(stamp) == 64


def test_the_script_names_no_password():
    text = SCRIPT.read_text()
    assert "PASSWORD :'verifier'" in text
    assert "CREATE EXTENSION IF NOT EXISTS pgcrypto" in text
