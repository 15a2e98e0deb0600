"""Backups of Consul, which holds all data of Vault.

Azure backs up the database, and charts are versioned blobs. The disks of metrics and logs are retained but
not backed up, because no delivery depends on them.
"""

from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from components.azure.identity import BACKUP_ACCOUNT
from components.component import Component
from components.kubernetes.accounts import service_account
from components.kubernetes.charts import PYTHON_IMAGE
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import pod_template
from components.kubernetes.secret import secret
from components.vault.settings import BackupSettings

SCRIPT = Path(__file__).parent / "jobs" / "backup.py"


class ConsulBackup(Component):
    """A CronJob that stores snapshots of Consul in blob storage."""

    def __init__(
        self,
        name: str,
        settings: BackupSettings,
        ctx: ClusterContext,
        *,
        client_id: Input[str],
        container: Input[str],
        consul: Input[str],
        consul_token: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`container` is the URL of the blob container, `client_id` an identity that may write to it.

        `consul` is Consul's URL. A snapshot needs a management token
        (developer.hashicorp.com/consul/api-docs/snapshot).
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["backup"]
        script = k8s.core.v1.ConfigMap(
            f"{name}-script",
            metadata={"name": "backup", "namespace": namespace},
            data={SCRIPT.name: SCRIPT.read_text(), "consul-ca.pem": ctx.trust.ca_pem},
            opts=self.child,
        )
        token = secret("consul-token", {"token": consul_token}, namespace=namespace, parent=self)
        environment: dict[str, Input[str]] = {
            "CONSUL_HTTP_ADDR": consul,
            "BLOB_CONTAINER": container,
            "CONSUL_CACERT": "/script/consul-ca.pem",
            "CONSUL_TOKEN_FILE": "/token/token",
        }
        pod = pod_template(
            {
                "name": "backup",
                "image": str(PYTHON_IMAGE),
                "command": ["python", f"/script/{SCRIPT.name}"],
                "env": [{"name": key, "value": value} for key, value in environment.items()],
                "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
            },
            [
                {"name": "script", "configMap": {"name": script.metadata.name}},
                {"name": "token", "secret": {"secretName": token, "defaultMode": 0o440}},
            ],
            labels={"app": "backup", "azure.workload.identity/use": "true"},
            account=service_account(
                BACKUP_ACCOUNT.name, namespace=namespace, client_id=client_id, parent=self
            ),
        )
        k8s.batch.v1.CronJob(
            name,
            metadata={"name": "consul", "namespace": namespace},
            spec={
                "schedule": settings.schedule,
                "timeZone": "Etc/UTC",
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 3600,
                "jobTemplate": {"spec": {"activeDeadlineSeconds": 1800, "backoffLimit": 3, "template": pod}},
            },
            opts=self.child,
        )
        self.register_outputs({})
