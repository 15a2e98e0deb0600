"""Concourse with its workers and teams, ChartMuseum, and the deployers' identities."""

from collections.abc import Mapping

from pulumi import Output, ResourceOptions

from components.azure import Deployers
from components.component import Component, after
from components.concourse import (
    Concourse,
    ConcourseKeys,
    DatabaseRole,
    LocalUsers,
    Teams,
    Workers,
    team_config,
)
from components.concourse.team_settings import MAIN
from components.entra import Entra
from components.kubernetes.rotation_record import record
from components.layers.cluster_services import ClusterServices
from components.layers.foundation import Foundation
from components.layers.secrets import Secrets
from components.releases.chartmuseum import ChartMuseum, ChartStorage
from components.settings import Settings


class Delivery(Component):
    """Concourse and ChartMuseum."""

    deployers: Mapping[str, Output[str]]
    """Client ID of each deployer's identity, by stack."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        foundation: Foundation,
        cluster: ClusterServices,
        *,
        secrets: Secrets | None,
        entra: Entra,
    ) -> None:
        super().__init__(
            name, ResourceOptions(providers=[cluster.kubernetes_provider, foundation.azure_provider])
        )
        ctx, chosen, storage = cluster.context, settings.concourse, foundation.storage
        pools = settings.cluster.worker_pools
        if settings.chartmuseum.enabled:
            ChartMuseum(
                "chartmuseum",
                settings.chartmuseum,
                ctx,
                storage=ChartStorage(storage.charts.account, storage.charts.container, storage.charts_key),
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
            rotation=chosen.keys,
            epochs=chosen.encryption.epochs,
            context=foundation.groups.stateful,
            vault=foundation.key_vault.name,
            opts=self.child,
        )
        service_users = [team.user for team in settings.teams if team.user and team.name != MAIN]
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
            vault=secrets.concourse_login if secrets else None,
            teams=settings.teams,
            opts=self.child,
        )
        for pool in pools:
            Workers(
                pool.name,
                settings.workers,
                pool,
                ctx,
                gateway=web.gateway,
                host_keys=web.host_keys,
                key=keys.pools[pool.name],
                opts=self.child,
            )
        record(
            settings.rotations,
            chosen.encryption.epochs,
            rotating=chosen.encryption.rotating,
            namespace=after(ctx.namespaces["concourse"], web.api),
            replaceable=settings.replaceable,
            parent=self,
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
