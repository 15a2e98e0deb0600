"""Concourse's own login of its database: the server's administrator is for making roles."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pulumi_kubernetes as k8s
import pulumi_random as random
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.charts import POSTGRES
from components.database import Database
from components.scram import verifier

SCRIPT = Path(__file__).parent / "files" / "jobs" / "database_role.sql"
LABEL = "database-role"
USER = 70
"""The image's user `postgres`."""
MINUTES = 10


@dataclass(frozen=True)
class DatabaseLogin:
    """What a client needs to be in a database."""

    host: Output[str]
    database: str
    user: str
    password: Output[str]
    """Secret."""
    ssl_mode: str
    ca_certificates: str
    """PEM of the roots that the server is verified by."""


class DatabaseRole(ComponentResource):
    """A role, made and kept right by a Job in the cluster: the database is not reached from elsewhere."""

    login: DatabaseLogin
    """Known once one can log in."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        role: str,
        *,
        database: Database,
        namespace: Input[str],
        rotation: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("platform:index:DatabaseRole", name, None, opts)
        child = ResourceOptions(parent=self)
        made = random.RandomPassword(
            name, length=40, special=False, keepers={"rotation": rotation}, opts=child
        )
        password: Output[str] = Output.secret(made.result)
        known: Output[str] = Output.secret(password.apply(verifier))
        script = SCRIPT.read_text(encoding="utf-8")
        files = k8s.core.v1.ConfigMap(
            name,
            metadata={"name": name, "namespace": namespace},
            data={"role.sql": script, "roots.pem": database.ca_certificates},
            opts=child,
        )
        secret = k8s.core.v1.Secret(
            name,
            metadata={"name": name, "namespace": namespace},
            string_data={"PGPASSWORD": database.password, "VERIFIER": known},
            opts=child,
        )
        job = k8s.batch.v1.Job(
            name,
            metadata={
                "name": name,
                "namespace": namespace,
                "annotations": {
                    "pulumi.com/timeoutSeconds": str((MINUTES + 1) * 60),
                    "pulumi.com/replaceUnready": "true",  # else one that failed is never run again
                },
            },
            spec={
                "backoffLimit": 6,
                "activeDeadlineSeconds": MINUTES * 60,  # Pulumi's own limit starts anew at every event
                "template": _pod(
                    environment={
                        "PGHOST": database.host,
                        "PGDATABASE": database.name,
                        "PGUSER": database.administrator,
                        "PGSSLMODE": database.ssl_mode,
                        "PGSSLROOTCERT": "/files/roots.pem",
                        "PGCONNECT_TIMEOUT": "20",
                        "ROLE": role,
                    },
                    files=files.metadata.name.apply(str),
                    secret=secret.metadata.name.apply(str),
                    # A Job does not notice that a ConfigMap or a Secret has changed.
                    stamp=_stamp(script, database.ca_certificates, database.password, known),
                ),
            },
            opts=child,
        )
        self.login = DatabaseLogin(
            host=Output.all(job.metadata.name, database.host).apply(lambda both: str(both[1])),
            database=database.name,
            user=role,
            password=password,
            ssl_mode=database.ssl_mode,
            ca_certificates=database.ca_certificates,
        )
        self.register_outputs({"host": self.login.host})


def _pod(
    *, environment: dict[str, Input[str]], files: Input[str], secret: Input[str], stamp: Input[str]
) -> dict[str, object]:
    """A pod that runs the script once, as the pod security level `restricted` wants it."""
    return {
        "metadata": {"labels": {"app": LABEL}, "annotations": {"platform/stamp": stamp}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "psql",
                    "image": str(POSTGRES),
                    "command": ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "/files/role.sql"],
                    "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
                    "envFrom": [{"secretRef": {"name": secret}}],
                    "volumeMounts": [{"name": "files", "mountPath": "/files", "readOnly": True}],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "volumes": [{"name": "files", "configMap": {"name": files}}],
        },
    }


def _stamp(*texts: Input[str]) -> Output[str]:
    """What tells that one of these changed. The secret ones are too long and random to be guessed by it."""
    joined = Output.all(*texts).apply(lambda all_: hashlib.sha256(repr(all_).encode()).hexdigest())
    return Output.unsecret(joined)
