"""Concourse's access to secrets of pipelines in Kubernetes, in a stack without Vault."""

from collections.abc import Iterable

from pulumi import Input, Output, Resource

from components.concourse.team_settings import TeamSettings
from components.kubernetes.accounts import allow
from components.kubernetes.context import ClusterContext

READ = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
"""The rights that Concourse needs, as its chart would give them (templates/web-role.yaml)."""


def reads_secrets(
    account: Output[str],
    teams: Iterable[TeamSettings],
    ctx: ClusterContext,
    *,
    home: Input[str],
    parent: Resource,
) -> Output[str]:
    """`account`, known once it may read the Secrets of each team. It is in the namespace `home`.

    The secrets of a removed team stay and nobody reads them: the owner of another team could take its name.
    """
    for team in teams:
        if not team.removed:
            account = allow(
                f"concourse-web-{team.name}",
                account,
                READ,
                namespace=ctx.namespaces[team.namespace],
                account_namespace=home,
                parent=parent,
            )
    return account
