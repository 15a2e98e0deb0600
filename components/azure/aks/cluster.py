"""The platform's Kubernetes cluster."""

from collections.abc import Sequence
from typing import get_args

import pulumi_azure_native as az
from pulumi import (
    CustomTimeouts,
    Input,
    Output,
    Resource,
    ResourceOptions,
    get_project,
    get_stack,
)
from pulumi_azure_native import containerservice as aks

from components.azure.aks import arguments as aks_args
from components.azure.aks.kubeconfig import kubeconfig_of
from components.azure.aks.node_pools import labels_and_taints, pool_args
from components.azure.aks.pool_settings import NodePool
from components.azure.aks.settings import ClusterSettings, PrivateCluster
from components.azure.arm_id import ArmId
from components.azure.identity import lookup_identity, oidc_issuer_url
from components.azure.network.egress import Egress
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.component import Component

# Node pool properties that Azure refuses to change. The provider does not know that.
IMMUTABLE = [
    "osDiskType", "osDiskSizeGB", "maxPods", "vnetSubnetID", "osType", "availabilityZones",
    "scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice",
]  # fmt: skip
# Upgrades replace nodes one after another.
TIMEOUTS = CustomTimeouts(create="60m", update="120m", delete="60m")


class Cluster(Component):
    """An AKS cluster with a small system pool and separate pools for each kind of workload."""

    id: Output[str]
    name: Output[str]
    kubeconfig: Output[str]
    """Marked as secret because it derives from Azure's credentials API, but contains no credentials."""
    oidc_issuer: Output[str]
    """Issuer of service account tokens, with its trailing slash, because Entra requires an exact match."""
    principal: Output[str]
    """Principal ID of the cluster's identity, for access to subnets and public addresses."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: ClusterSettings,
        *,
        context: AzureContext,
        subnet: Output[str],
        egress: Egress,
        tenant: str,
        network: Output[str] | None = None,
        proxy: "aks.ManagedClusterHTTPProxyConfigArgs | None" = None,
        previous: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """The cluster is created after `previous`, which change the same network.

        `network` is the ID of that network, to which AKS links the zone of a private API server.
        """
        super().__init__(name, opts)
        identity = az.managedidentity.UserAssignedIdentity(name, **context.common, opts=self.child)
        self.principal = lookup_identity(identity.id, parent=self).principal_id
        cluster = aks.ManagedCluster(
            name,
            **context.common,
            dns_prefix=f"{get_project()}-{get_stack()}",
            kubernetes_version=settings.kubernetes_version,
            sku=aks.ManagedClusterSKUArgs(name="Base", tier=settings.tier),
            support_plan="KubernetesOfficial",
            identity=aks.ManagedClusterIdentityArgs(
                type=aks.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile=aks_args.entra(settings, tenant),
            api_server_access_profile=aks_args.access(settings, egress),
            oidc_issuer_profile={"enabled": True},
            security_profile=aks_args.security(),
            http_proxy_config=proxy,
            network_profile=aks_args.network_profile(settings, egress),
            agent_pool_profiles=[
                aks.ManagedClusterAgentPoolProfileArgs(
                    name="system",
                    mode="System",
                    node_labels=settings.system_pool.labels or None,
                    # Without platform pools, the platform's pods must be able to run here.
                    node_taints=["CriticalAddonsOnly=true:NoSchedule"] if settings.platform_pools else None,
                    **pool_args(settings.system_pool, settings.kubernetes_version, subnet),
                )
            ],
            auto_scaler_profile=aks_args.auto_scaler(settings),
            auto_upgrade_profile={
                "upgrade_channel": "patch",
                "node_os_upgrade_channel": "NodeImage",
            },
            opts=ResourceOptions(
                parent=self,
                protect=context.protected,
                # Azure refuses to create a cluster without permission to join its subnet.
                depends_on=[
                    *self._network_access(name, self.principal, subnet, egress),
                    *self._zone_access(name, self.principal, network, settings.private),
                    *previous,
                ],
                ignore_changes=["agentPoolProfiles[0].count"],  # managed by the autoscaler
                custom_timeouts=TIMEOUTS,
            ),
        )
        pools: list[aks.AgentPool] = []
        for pool in (*settings.platform_pools, *settings.worker_pools):
            made = self._pool(
                f"{name}-{pool.name}",
                pool,
                cluster=cluster,
                version=settings.kubernetes_version,
                context=context,
                subnet=subnet,
                previous=pools[-1:],
            )
            pools.append(made)
        for schedule in get_args(aks_args.Schedule):
            aks.MaintenanceConfiguration(
                f"{name}-{schedule}",
                config_name=schedule,
                resource_group_name=context.group,
                resource_name_=cluster.name,
                maintenance_window=aks_args.window(settings.maintenance),
                opts=self.child,
            )
        self.name = ArmId(cluster.id).name
        self.id = cluster.id
        public = settings.private.public_fqdn if settings.private else False
        self.kubeconfig = kubeconfig_of(cluster.id, public_fqdn=public, parent=self)
        self.oidc_issuer = oidc_issuer_url(cluster.id, parent=self)
        self.register_outputs({"name": self.name, "oidcIssuer": self.oidc_issuer})

    def _network_access(
        self,
        name: str,
        principal: Output[str],
        subnet: Output[str],
        egress: Egress,
    ) -> list["az.authorization.RoleAssignment"]:
        """Role assignments for joining nodes to the subnet and the load balancer to our public addresses."""
        scopes = {"network": subnet}
        if egress.outbound == "loadBalancer":
            scopes |= {f"egress-{number}": id_ for number, id_ in enumerate(egress.ids, start=1)}
        role = Role.NETWORK_CONTRIBUTOR
        return [
            grant(f"{name}-{where}", role, principal=principal, scope=scope, parent=self)
            for where, scope in scopes.items()
        ]

    def _zone_access(
        self, name: str, principal: Output[str], network: Output[str] | None, private: PrivateCluster | None
    ) -> list["az.authorization.RoleAssignment"]:
        """Role assignments for writing the API server's name into an owner's zone, and for linking it."""
        if not private or not private.zone_id or network is None:
            return []
        scopes: dict[str, tuple[Role, Input[str]]] = {
            "zone": (Role.PRIVATE_DNS_ZONE_CONTRIBUTOR, private.zone_id),
            "zone-link": (Role.NETWORK_CONTRIBUTOR, network),
        }
        return [
            grant(f"{name}-{where}", role, principal=principal, scope=scope, parent=self)
            for where, (role, scope) in scopes.items()
        ]

    def _pool(
        self,
        name: str,
        pool: NodePool,
        *,
        cluster: "aks.ManagedCluster",
        version: str,
        context: AzureContext,
        subnet: Output[str],
        previous: list["aks.AgentPool"],
    ) -> "aks.AgentPool":
        labels, taints = labels_and_taints(pool)
        return aks.AgentPool(
            name,
            agent_pool_name=pool.name,
            resource_group_name=context.group,
            resource_name_=cluster.name,
            tags=context.tags,
            mode="User",
            node_labels=labels,
            node_taints=taints,
            **pool_args(pool, version, subnet),
            opts=ResourceOptions(
                parent=self,
                # Azure changes one pool of a cluster and of a subnet at a time (Azure/AKS#4522).
                depends_on=previous,
                ignore_changes=["count"],  # managed by the autoscaler
                replace_on_changes=IMMUTABLE,
                # A replacement under the same name fails, so it needs a new generation in the name.
                # The provider's default would delete all the pool's nodes first.
                delete_before_replace=False,
                custom_timeouts=TIMEOUTS,
            ),
        )
