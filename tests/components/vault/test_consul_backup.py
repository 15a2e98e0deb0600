"""Backups: identity, token and schedule of the CronJob."""

import json

import pytest
from pulumi import Output

from components.config.messages import read
from components.vault.consul_backup import SCRIPT, ConsulBackup
from components.vault.settings import BackupSettings
from tests.support.context import cluster_context

TOKEN = "a-token-that-may-do-everything"


@pytest.fixture
def backups(run):
    return run(
        lambda: ConsulBackup(
            "backups",
            BackupSettings(),
            cluster_context(),
            client_id="client",
            container="https://account.blob.core.windows.net/backups",
            consul="https://consul-server.consul.svc:8501",
            consul_token=Output.secret(TOKEN),
        )
    )


@pytest.fixture
def pod(backups):
    [job] = backups.of_type("kubernetes:batch/v1:CronJob")
    return job.inputs["spec"]["jobTemplate"]["spec"]["template"]


def test_the_pod_has_a_token_for_azure_and_none_for_the_api_server(backups, pod):
    [account] = backups.of_type("kubernetes:core/v1:ServiceAccount")
    assert account.inputs["metadata"]["name"] == "backup", "the name in the federated credential"
    assert account.inputs["metadata"]["annotations"]["azure.workload.identity/client-id"] == "client"
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_consuls_token_is_a_file_and_not_in_the_pod(pod):
    [container] = pod["spec"]["containers"]
    assert TOKEN not in json.dumps(pod)
    assert {"name": "CONSUL_TOKEN_FILE", "value": "/token/token"} in container["env"]


def test_the_pod_is_as_restricted_as_that_of_a_job(pod):
    [container] = pod["spec"]["containers"]
    context = pod["spec"]["securityContext"]
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    modes = [volume["secret"]["defaultMode"] for volume in pod["spec"]["volumes"] if "secret" in volume]
    assert modes == [0o440]


def test_the_config_map_has_the_tested_script(backups):
    [script] = backups.of_type("kubernetes:core/v1:ConfigMap")
    assert script.inputs["data"]["backup.py"] == SCRIPT.read_text()


def test_one_backup_at_a_time_ends_within_half_an_hour(backups):
    [job] = backups.of_type("kubernetes:batch/v1:CronJob")
    assert job.inputs["spec"]["concurrencyPolicy"] == "Forbid"
    assert job.inputs["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 1800


def test_a_schedule_that_is_not_cron_is_refused():
    _, [problem] = read(BackupSettings, {"schedule": "daily"})
    assert problem.key == "schedule"
    assert "17 */4 * * *" in problem.text
