"""Concourse with its workers and teams, ChartMuseum, and the deployers' identities."""

from collections.abc import Mapping

from pulumi import Output, ResourceOptions

from components.azure.deployers import Deployers
from components.chartmuseum import ChartMuseum, ChartStorage
from components.component import Component
from components.concourse.database_role import DatabaseRole
from components.concourse.keys import ConcourseKeys
from components.concourse.local_users import LocalUsers
from components.concourse.team_members import team_config
from components.concourse.team_settings import MAIN
from components.concourse.teams import Teams
from components.concourse.web import API_PORT, IDENTITY_TOKEN_PATHS, Concourse
from components.concourse.workers import Workers
from components.entra.directory import Entra
from components.ingress import publish
from components.layers.cluster_services import ClusterServices
from components.layers.foundation import Foundation
from components.layers.secrets import Secrets
from components.settings import Settings


class Delivery(Component):
    """Concourse and ChartMuseum."""

    deployers: Mapping[str, Output[str]]
    """Client id of each deployer's identity, by stack."""

    def __init__(  # noqa: PLR0913 (the layers below)
        self,
        name: str,
        settings: Settings,
        foundation: Foundation,
        cluster: ClusterServices,
        *,
        secrets: Secrets,
        entra: Entra,
    ) -> None:
        super().__init__(name, ResourceOptions(providers=[cluster.provider, foundation.azure]))
        ctx, chosen, storage = cluster.context, settings.concourse, foundation.storage
        namespace, pools = ctx.namespaces["concourse"], settings.cluster.worker_pools
        ChartMuseum(
            "chartmuseum",
            settings.chartmuseum,
            ctx,
            storage=ChartStorage(storage.charts_account, storage.charts_container, storage.charts_key),
            opts=self.child,
        )
        role = DatabaseRole(
            "database-role",
            chosen.database_role,
            ctx,
            database=foundation.database,
            rotation=chosen.rotation,
            opts=self.child,
        )
        keys = ConcourseKeys(
            "concourse",
            pools=[pool.name for pool in pools],
            epochs=chosen.encryption.epochs,
            context=foundation.groups.stateful,
            vault=foundation.key_vault.name,
            opts=self.child,
        )
        service_users = [team.user for team in settings.teams if team.name != MAIN]
        users = LocalUsers(
            "users", [chosen.administrator, *service_users], rotation=chosen.rotation, opts=self.child
        )
        teams = {
            team.name: team_config(team, entra.claimed, chosen.administrator)
            for team in settings.teams
            if not team.removed
        }
        web = Concourse(
            "concourse",
            chosen,
            ctx,
            nodes=settings.cluster.platform_nodes,
            keys=keys,
            pools=pools,
            users=users,
            database=role.login,
            login=entra.concourse,
            claims=settings.entra.group_claims,
            main_team=teams[MAIN],
            vault=secrets.concourse_login,
            opts=self.child,
        )
        publish(
            "concourse",
            ctx.hosts["concourse"],
            namespace=namespace,
            service="concourse-web",
            port=API_PORT,
            public_paths=IDENTITY_TOKEN_PATHS,
            parent=web,
        )
        for pool in pools:
            Workers(
                pool.name,
                settings.workers,
                pool,
                ctx,
                gateway=web.gateway,
                host_key=web.host_key,
                key=keys.pools[pool.name],
                opts=self.child,
            )
        Teams(
            "teams",
            teams,
            ctx,
            removed=[team.name for team in settings.teams if team.removed],
            administrator=chosen.administrator,
            users=users,
            api=web.api,
            opts=self.child,
        )
        self.deployers = {}
        if settings.deployers:
            self.deployers = Deployers(
                "deployers",
                settings.deployers,
                context=foundation.groups.compute,
                issuer=web.url,
                opts=self.child,
            ).client_ids
        self.register_outputs({})
