"""Concourse's own role in its database. The server's administrator is used only to create it."""

from dataclasses import dataclass
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure.postgres import PORT, DatabaseServer
from components.component import Component, after
from components.concourse.scram import verifier
from components.kubernetes import generated_secrets as generated
from components.kubernetes.charts import POSTGRES_IMAGE
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import checksum, job, pod_template
from components.kubernetes.secret import secret

SCRIPT = Path(__file__).parent / "jobs" / "database_role.sql"
DATABASE_SCRIPT = Path(__file__).parent / "jobs" / "database.sql"
RESTORED_SCRIPT = Path(__file__).parent / "jobs" / "database_restored.sql"
NAMES = {SCRIPT: "role.sql", DATABASE_SCRIPT: "database.sql", RESTORED_SCRIPT: "restored.sql"}
POSTGRES_UID = 70
"""User id of `postgres` in the image."""
PSQL = "psql -X -v ON_ERROR_STOP=1 -f /files/role.sql"
DATABASE_FIRST = "psql -X -v ON_ERROR_STOP=1 -d postgres -f /files/database.sql"
"""Creates the database of an existing server, which Azure's API creates on one of ours."""
RESTORED_NEXT = "psql -X -v ON_ERROR_STOP=1 -f /files/restored.sql"
"""Pauses the pipelines of a restored database before Concourse sees it."""


def attempts(command: str) -> str:
    """A script that tries again for as long as psql exits with 2.

    That is "the connection to the server went bad" (its manual).
    """
    return f"""\
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  {command} && exit
  [ $? = 2 ] || exit 1
  sleep 5
done
exit 2
"""


ATTEMPTS = attempts(PSQL)


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
    port: int = PORT


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
        database: DatabaseServer,
        rotation: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        if database.administrator is None:
            self.login = _login(database, role, database.password, database.host)
            self.register_outputs({"host": self.login.host})
            return
        namespace = ctx.namespaces["concourse"]
        password = generated.password(name, rotation=rotation, parent=self)
        password_verifier: Output[str] = Output.secret(password.apply(verifier))
        scripts, run = [SCRIPT], ATTEMPTS
        if database.creates_database:
            scripts, run = [DATABASE_SCRIPT, SCRIPT], attempts(f"{DATABASE_FIRST} && {PSQL}")
        if database.restored:
            scripts, run = [SCRIPT, RESTORED_SCRIPT], attempts(f"{PSQL} && {RESTORED_NEXT}")
        script = "".join(each.read_text(encoding="utf-8") for each in scripts)
        files = k8s.core.v1.ConfigMap(
            name,
            metadata={"name": name, "namespace": namespace},
            data={NAMES[each]: each.read_text(encoding="utf-8") for each in scripts}
            | {"roots.pem": database.ca_certificates},
            opts=self.child,
        )
        login = {"PGPASSWORD": database.password, "VERIFIER": password_verifier}
        environment: dict[str, Input[str]] = {
            "PGHOST": database.host,
            "PGDATABASE": database.name,
            "PGUSER": database.administrator,
            **({"PGPORT": str(database.port)} if database.port != PORT else {}),
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
                    "command": ["sh", "-c", run],
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
        self.login = _login(database, role, password, after(database.host, done))
        self.register_outputs({"host": self.login.host})


def _login(database: DatabaseServer, role: str, password: Output[str], host: Output[str]) -> DatabaseLogin:
    return DatabaseLogin(
        host=host,
        port=database.port,
        database=database.name,
        user=role,
        password=password,
        ssl_mode=database.ssl_mode,
        ca_certificates=database.ca_certificates,
    )
