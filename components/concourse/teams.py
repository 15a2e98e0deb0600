"""Concourse's teams, which a Job in the cluster configures from the stack file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pulumi import Input, Output, ResourceOptions

from components.component import Component
from components.concourse.local_users import LocalUsers
from components.concourse.team_members import Roles, to_api_auth
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import checksum, python_job
from components.kubernetes.secret import secret

JOBS = Path(__file__).parent / "jobs"

TEAMS = "teams.json"


class Teams(Component):
    """Teams and their members. If Concourse has a team that is not listed, it stays and the update fails."""

    def __init__(
        self,
        name: str,
        teams: Mapping[str, Input[Roles]],
        ctx: ClusterContext,
        *,
        removed: Iterable[str],
        administrator: str,
        users: LocalUsers,
        api: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`api` is Concourse's URL inside the cluster, known once it responds."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse"]
        passwords = {user.name: user.password for user in users.users.values()}
        password = passwords.pop(administrator)
        # For the people who set up a team's programs; nothing in the cluster reads it.
        secret(f"{name}-users", passwords, namespace=namespace, parent=self)
        removed = sorted(removed)
        python_job(
            name,
            namespace=namespace,
            script=JOBS / "teams.py",
            extra_files={TEAMS: Output.all(**teams).apply(lambda known: wanted(known, removed))},
            environment={"CONCOURSE_URL": api, "ADMINISTRATOR": administrator},
            secrets=secret(f"{name}-administrator", {"password": password}, namespace=namespace, parent=self),
            checksum=checksum(password),
            parent=self,
        )
        self.register_outputs({})


def wanted(teams: Mapping[str, Roles], removed: Iterable[str]) -> str:
    """The script's input."""
    found: dict[str, Any] = {name: to_api_auth(roles) for name, roles in sorted(teams.items())}
    return json.dumps({"set": found, "removed": list(removed)}, indent=1)
