"""Concourse's own role in its database. The server's administrator is used only to create it."""

from dataclasses import dataclass
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure.postgres import Database
from components.component import Component, after
from components.concourse.scram import verifier
from components.kubernetes import generated_secrets as generated
from components.kubernetes.charts import POSTGRES_IMAGE
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import checksum, job, pod_template
from components.kubernetes.secret import secret

SCRIPT = Path(__file__).parent / "jobs" / "database_role.sql"
POSTGRES_UID = 70
"""User id of `postgres` in the image."""
PSQL = "psql -X -v ON_ERROR_STOP=1 -f /files/role.sql"
ATTEMPTS = f"""\
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  {PSQL} && exit
  [ $? = 2 ] || exit 1
  sleep 5
done
exit 2
"""
"""Tries again for as long as psql exits with 2, "the connection to the server went bad" (its manual)."""


@dataclass(frozen=True)
class DatabaseLogin:
    """What a client needs to log in to a database."""

    host: Output[str]
    database: str
    user: str
    password: Output[str]
    """Secret."""
    ssl_mode: str
    ca_certificates: str
    """PEM of the root certificates that verify the server."""


class DatabaseRole(Component):
    """A database role. A Job creates and updates it, because only the cluster can reach the database."""

    login: DatabaseLogin
    """Login of the role; known once it works."""

    def __init__(
        self,
        name: str,
        role: str,
        ctx: ClusterContext,
        *,
        database: Database,
        rotation: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse"]
        password = generated.password(name, rotation=rotation, parent=self)
        password_verifier: Output[str] = Output.secret(password.apply(verifier))
        script = SCRIPT.read_text(encoding="utf-8")
        files = k8s.core.v1.ConfigMap(
            name,
            metadata={"name": name, "namespace": namespace},
            data={"role.sql": script, "roots.pem": database.ca_certificates},
            opts=self.child,
        )
        login = {"PGPASSWORD": database.password, "VERIFIER": password_verifier}
        environment: dict[str, Input[str]] = {
            "PGHOST": database.host,
            "PGDATABASE": database.name,
            "PGUSER": database.administrator,
            "PGSSLMODE": database.ssl_mode,
            "PGSSLROOTCERT": "/files/roots.pem",
            "PGCONNECT_TIMEOUT": "20",
            "ROLE": role,
        }
        done = job(
            name,
            namespace=namespace,
            pod=pod_template(
                {
                    "name": "psql",
                    "image": str(POSTGRES_IMAGE),
                    "command": ["sh", "-c", ATTEMPTS],
                    "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
                    "envFrom": [
                        {"secretRef": {"name": secret(name, login, namespace=namespace, parent=self)}}
                    ],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
                },
                [{"name": "files", "configMap": {"name": files.metadata.name}}],
                labels={"app": "database-role"},
                annotations={
                    "checksum/config": checksum(
                        script, database.ca_certificates, database.password, password_verifier
                    )
                },
                user=POSTGRES_UID,
            ),
            minutes=10,
            parent=self,
        )
        self.login = DatabaseLogin(
            host=after(database.host, done),
            database=database.name,
            user=role,
            password=password,
            ssl_mode=database.ssl_mode,
            ca_certificates=database.ca_certificates,
        )
        self.register_outputs({"host": self.login.host})
