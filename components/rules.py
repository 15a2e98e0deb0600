"""Rules across Concourse, its workers, its teams and Entra."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from components.concourse.team_settings import MAIN, taken_twice
from components.concourse.worker_settings import NODE_KEEPS_GB
from components.config.model import Problem, Rule, suggestion
from components.config.types import is_guid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.settings import Settings


def rules(settings: Settings) -> Iterator[Rule]:
    """The checks of a stack's settings."""
    for rule in (
        main_is_there,
        names_differ,
        groups_are_known,
        groups_can_be_assigned,
        team_pools_have_a_team,
        someone_works_for_all,
        volumes_fit,
        one_web_node_rotates,
        roles_differ,
    ):
        yield partial(rule, settings)


def main_is_there(settings: Settings) -> Iterator[Problem]:
    if settings.teams and MAIN not in (team.name for team in settings.teams):
        yield Problem("teams", f"{MAIN} is missing: Concourse has it, and its owners administer the others")


def names_differ(settings: Settings) -> Iterator[Problem]:
    for problem in taken_twice(settings.teams, settings.concourse.administrator):
        yield Problem(f"teams{problem.key}", problem.text)


def mentioned(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each mention of an Entra group, by its key."""
    for index, team in enumerate(settings.teams):
        for role, members in team.roles.given():
            for at, group in enumerate(members.oidc.groups):
                yield f"teams[{index}].roles.{role}.oidc.groups[{at}]", group
    for role in type(settings.entra.grafana).model_fields:
        for at, group in enumerate(getattr(settings.entra.grafana, role)):
            yield f"entra.grafana.{role}[{at}]", group


def groups_are_known(settings: Settings) -> Iterator[Problem]:
    for key, group in mentioned(settings):
        if not is_guid(group) and group not in settings.entra.groups:
            near = f"; {suggestion(group, settings.entra.groups)}" if settings.entra.groups else ""
            yield Problem(key, f"{group} is neither a group's object id (a GUID) nor in entra.groups{near}")


def groups_can_be_assigned(settings: Settings) -> Iterator[Problem]:
    given = (
        name for name in type(settings.entra.grafana).model_fields if getattr(settings.entra.grafana, name)
    )
    if not settings.entra.assignment_required:
        for role in given:
            text = "Grafana's roles are given by assignments; say entra.assignmentRequired: true"
            yield Problem(f"entra.grafana.{role}", f"{text}, or leave it to its own administrator")


def team_pools_have_a_team(settings: Settings) -> Iterator[Problem]:
    names = [team.name for team in settings.teams if not team.removed]
    for index, pool in enumerate(settings.cluster.worker_pools):
        if pool.team and pool.team not in names:
            text = f"there is no team {pool.team}; {suggestion(pool.team, names)}"
            yield Problem(f"cluster.workerPools[{index}].team", text)


def someone_works_for_all(settings: Settings) -> Iterator[Problem]:
    pools = settings.cluster.worker_pools
    if pools and all(pool.team or pool.tags for pool in pools):
        text = "each is for a team or for tags, and nobody runs the rest; add one without either"
        yield Problem("cluster.workerPools", text)


def volumes_fit(settings: Settings) -> Iterator[Problem]:
    if settings.workers.volume == "node":
        for index, pool in enumerate(settings.cluster.worker_pools):
            room = pool.os_disk_size_gb - NODE_KEEPS_GB
            if settings.workers.volume_gb > room:
                text = (
                    f"a worker's {settings.workers.volume_gb} GiB (workers.volumeGb) and the node's own "
                    f"{NODE_KEEPS_GB} do not fit; at least {settings.workers.volume_gb + NODE_KEEPS_GB}"
                )
                yield Problem(f"cluster.workerPools[{index}].osDiskSizeGb", text)


def one_web_node_rotates(settings: Settings) -> Iterator[Problem]:
    if settings.concourse.encryption.rotating and settings.concourse.web.replicas > 1:
        text = (
            f"{settings.concourse.web.replicas} would read what one of them re-encrypts; 1 until it is done"
        )
        yield Problem("concourse.web.replicas", text)


def roles_differ(settings: Settings) -> Iterator[Problem]:
    if settings.concourse.database_role == settings.database.administrator:
        text = f"{settings.database.administrator} is the server's administrator; give Concourse another name"
        yield Problem("concourse.databaseRole", text)
