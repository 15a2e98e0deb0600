"""Backups of what is in the cluster and could not be made again: Consul, where Vault keeps everything.

The database is backed up by Azure, charts are versioned blobs, and disks of metrics and logs are kept but not
copied: what is on them can be lost without stopping a delivery.
"""

from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure.identity import BACKUP
from components.component import Component
from components.kubernetes.charts import PYTHON
from components.vault.settings import BackupSettings

SCRIPT = Path(__file__).parent / "jobs" / "backup.py"


class ConsulBackup(Component):
    """A job that copies Consul to blob storage, and a claim to nothing else."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: BackupSettings,
        *,
        namespace: Input[str],
        client_id: Input[str],
        container: Input[str],
        consul: Input[str],
        consul_ca: Input[str],
        consul_token: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`container` and `consul` are URLs, `consul_ca` the PEM of who signed Consul's certificate.

        Only a token that may do everything may take a snapshot (developer.hashicorp.com, Consul's API).
        """
        super().__init__(name, opts)
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata={
                "name": BACKUP.name,
                "namespace": namespace,
                "annotations": {"azure.workload.identity/client-id": client_id},
            },
            automount_service_account_token=False,  # the webhook gives it the one for Entra
            opts=self.child,
        )
        script = k8s.core.v1.ConfigMap(
            f"{name}-script",
            metadata={"name": "backup", "namespace": namespace},
            data={SCRIPT.name: SCRIPT.read_text(), "consul-ca.pem": consul_ca},
            opts=self.child,
        )
        token = k8s.core.v1.Secret(
            f"{name}-consul",
            metadata={"name": "consul-token", "namespace": namespace},
            string_data={"token": consul_token},
            opts=self.child,
        )
        k8s.batch.v1.CronJob(
            name,
            metadata={"name": "consul", "namespace": namespace},
            spec={
                "schedule": settings.schedule,
                "time_zone": "Etc/UTC",
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": 3600,
                "job_template": {
                    "spec": {
                        "active_deadline_seconds": 1800,
                        "backoff_limit": 3,
                        "template": pod(
                            account=account.metadata.name,
                            script=script.metadata.name,
                            token=token.metadata.name,
                            environment={"CONSUL_HTTP_ADDR": consul, "BLOB_CONTAINER": container},
                        ),
                    }
                },
            },
            opts=self.child,
        )
        self.register_outputs({})


def pod(
    *,
    account: Output[str],
    script: Output[str],
    token: Output[str],
    environment: dict[str, Input[str]],
) -> dict[str, Any]:
    """The pod that makes one backup and ends."""
    files = {"CONSUL_CACERT": "/script/consul-ca.pem", "CONSUL_TOKEN_FILE": "/token/token"}
    return {
        "metadata": {"labels": {"app": "backup", "azure.workload.identity/use": "true"}},
        "spec": {
            "service_account_name": account,
            "automount_service_account_token": False,
            "restart_policy": "Never",
            "enable_service_links": False,
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": 65534,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "backup",
                    "image": str(PYTHON),
                    "command": ["python", f"/script/{SCRIPT.name}"],
                    "env": [{"name": k, "value": v} for k, v in (environment | files).items()],
                    "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                    "security_context": {
                        "allow_privilege_escalation": False,
                        "read_only_root_filesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volume_mounts": [
                        {"name": "script", "mount_path": "/script", "read_only": True},
                        {"name": "token", "mount_path": "/token", "read_only": True},
                    ],
                }
            ],
            "volumes": [
                {"name": "script", "config_map": {"name": script}},
                {"name": "token", "secret": {"secret_name": token, "default_mode": 0o444}},
            ],
        },
    }
