"""Backups: what the job is told, and what it may not."""

import json

import pytest
from pulumi import Output

from components.config.messages import read
from components.vault.consul_backup import SCRIPT, ConsulBackup
from components.vault.settings import BackupSettings

TOKEN = "a-token-that-may-do-everything"


@pytest.fixture
def backups(run):
    return run(
        lambda: ConsulBackup(
            "backups",
            BackupSettings(),
            namespace="backup",
            client_id="client",
            container="https://account.blob.core.windows.net/backups",
            consul="https://consul-server.consul.svc:8501",
            consul_ca="PEM",
            consul_token=Output.secret(TOKEN),
        )
    )


@pytest.fixture
def pod(backups):
    [job] = backups.of_type("kubernetes:batch/v1:CronJob")
    return job.inputs["spec"]["jobTemplate"]["spec"]["template"]


def test_the_pod_logs_in_to_azure_and_not_to_the_cluster(backups, pod):
    [account] = backups.of_type("kubernetes:core/v1:ServiceAccount")
    assert account.inputs["metadata"]["name"] == "backup", "as the identity's credential calls it"
    assert account.inputs["metadata"]["annotations"]["azure.workload.identity/client-id"] == "client"
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_the_token_is_a_file_and_nowhere_else(pod):
    [container] = pod["spec"]["containers"]
    assert TOKEN not in json.dumps(pod)
    assert {"name": "CONSUL_TOKEN_FILE", "value": "/token/token"} in container["env"]


def test_the_script_is_the_one_that_is_tested(backups):
    [script] = backups.of_type("kubernetes:core/v1:ConfigMap")
    assert script.inputs["data"]["backup.py"] == SCRIPT.read_text()


def test_one_backup_at_a_time_ends_within_half_an_hour(backups):
    [job] = backups.of_type("kubernetes:batch/v1:CronJob")
    assert job.inputs["spec"]["concurrencyPolicy"] == "Forbid"
    assert job.inputs["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 1800


def test_a_schedule_that_cron_does_not_know_is_told():
    _, [problem] = read(BackupSettings, {"schedule": "daily"})
    assert problem.key == "schedule"
    assert "17 */4 * * *" in problem.text
