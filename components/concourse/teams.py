"""Concourse's teams, which a Job in the cluster configures from the stack file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.component import Component
from components.concourse.local_users import LocalUsers
from components.concourse.team_members import Roles, to_api_auth
from components.kubernetes.context import ClusterContext
from components.kubernetes.job import checksum, python_job

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
        login = k8s.core.v1.Secret(
            f"{name}-administrator",
            metadata={"name": f"{name}-administrator", "namespace": ctx.namespaces["concourse"]},
            string_data={"password": users.users[administrator].password},
            opts=self.child,
        )
        k8s.core.v1.Secret(
            f"{name}-users",  # for whoever sets up a team's programs; nothing in the cluster reads it
            metadata={"name": f"{name}-users", "namespace": ctx.namespaces["concourse"]},
            string_data={
                user.name: user.password for user in users.users.values() if user.name != administrator
            },
            opts=self.child,
        )
        gone = sorted(removed)
        python_job(
            name,
            namespace=ctx.namespaces["concourse"],
            script=JOBS / "teams.py",
            extra_files={TEAMS: Output.all(**teams).apply(lambda known: wanted(known, gone))},
            environment={"CONCOURSE_URL": api, "ADMINISTRATOR": administrator},
            secrets=login.metadata.name,
            checksum=checksum(users.users[administrator].password),
            parent=self,
        )
        self.register_outputs({})


def wanted(teams: Mapping[str, Roles], removed: Iterable[str]) -> str:
    """The script's input."""
    found: dict[str, Any] = {name: to_api_auth(roles) for name, roles in sorted(teams.items())}
    return json.dumps({"set": found, "removed": list(removed)}, indent=1)
