"""Concourse's web nodes and their configuration."""

import json
from collections.abc import Iterable, Mapping, Sequence

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions, get_stack

from components.azure.aks.pool_settings import WorkerPool
from components.component import Component
from components.concourse.database_role import DatabaseLogin
from components.concourse.keys import ConcourseKeys
from components.concourse.local_users import LocalUsers
from components.concourse.settings import ConcourseSettings
from components.concourse.team_members import Roles
from components.concourse.team_secrets import reads_secrets
from components.concourse.team_settings import TeamSettings
from components.concourse.web_pods import START_SECONDS, WEB
from components.concourse.web_secret import VaultLogin, checksummed_secret, web_secret
from components.concourse.web_values import values
from components.entra import OidcClient
from components.entra.settings import GroupClaims
from components.ingress import publish
from components.kubernetes.accounts import service_account
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import ready, release

API_PORT, TSA_PORT = 8080, 2222
IDENTITY_TOKEN_PATHS = ("/.well-known/openid-configuration", "/.well-known/jwks.json")
"""Public paths at which clouds verify the identity tokens of builds; their addresses cannot be listed."""


class Concourse(Component):
    """Concourse's web nodes."""

    url: str
    """URL for people."""
    api: Output[str]
    """URL inside the cluster; known once it responds."""
    gateway: Output[str]
    """`host:port` at which workers register; known once it responds."""
    host_keys: Output[str]
    """Public keys by which workers identify the web nodes: an authorized_keys file."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: ConcourseSettings,
        ctx: ClusterContext,
        *,
        nodes: Mapping[str, str],
        keys: ConcourseKeys,
        pools: Sequence[WorkerPool],
        users: LocalUsers,
        database: DatabaseLogin,
        login: OidcClient,
        claims: GroupClaims,
        main_team: Input[Roles],
        vault: VaultLogin | None,
        teams: Iterable[TeamSettings],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`nodes` are the labels of the nodes for web pods, `pools` those of workers that may register.

        Without `vault`, the secrets of `teams` are in Kubernetes.
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse"]
        host = ctx.hosts["concourse"]
        self.url = host.url
        shared, own = by_team(pools)
        secret_checksum = checksummed_secret(
            WEB,
            web_secret(
                keys=keys,
                rotating=settings.encryption.rotating,
                users=users.listed,
                database=database,
                login=login,
                vault=vault,
                shared=shared,
                teams=own,
            ),
            namespace=namespace,
            parent=self,
        )
        k8s.policy.v1.PodDisruptionBudget(
            WEB,
            metadata={"name": WEB, "namespace": namespace},
            spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": WEB}}},
            opts=self.child,
        )
        # The chart cannot ask for the token.
        account = service_account(WEB, namespace=namespace, parent=self, token=not vault)
        if not vault:
            account = reads_secrets(account, teams, ctx, home=namespace, parent=self)
        web = release(
            name,
            ctx.charts["concourse"],
            namespace=namespace,
            values=values(
                settings,
                cluster=f"{name}-{get_stack()}",
                url=self.url,
                database=database,
                login=login,
                claims=claims,
                main_team=Output.from_input(main_team).apply(_file),
                team_keys=list(own),
                vault=vault,
                account=account,
                secret_checksum=secret_checksum,
                nodes=nodes,
            ),
            timeout=START_SECONDS,
            opts=self.child,
        )
        publish(
            "concourse",
            host,
            namespace=namespace,
            service="concourse-web",
            port=API_PORT,
            public_paths=IDENTITY_TOKEN_PATHS,
            parent=self,
        )
        self.api = ready(web, f"http://{WEB}.concourse.svc:{API_PORT}")
        self.gateway = ready(web, f"{WEB}-worker-gateway.concourse.svc:{TSA_PORT}")
        self.host_keys = keys.host_keys
        self.register_outputs({"url": self.url})


def by_team(pools: Sequence[WorkerPool]) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the pools shared by all teams, and of each team's own pools."""
    own: dict[str, list[str]] = {}
    for pool in pools:
        if pool.team:
            own.setdefault(pool.team, []).append(pool.name)
    return [pool.name for pool in pools if not pool.team], own


def _file(roles: Roles) -> str:
    """Roles in the format of `fly set-team --config`: JSON, which is valid YAML."""
    return json.dumps({"roles": [{"name": role, **who} for role, who in roles.items()]}, sort_keys=True)
