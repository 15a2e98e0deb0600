"""Builds the AKS cluster's arguments from its settings."""

import base64
from collections.abc import Sequence
from typing import Literal

from pulumi_azure_native import containerservice as aks

from components.azure.aks.settings import ClusterSettings, Maintenance
from components.azure.network.egress import Egress

Schedule = Literal["aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"]


def entra(settings: ClusterSettings, tenant: str) -> "aks.ManagedClusterAADProfileArgs":
    """Authentication at the API server: users and workloads from the tenant."""
    return aks.ManagedClusterAADProfileArgs(
        managed=True,
        enable_azure_rbac=True,
        tenant_id=tenant,
        admin_group_object_ids=list(settings.admin_group_object_ids),
    )


def access(settings: ClusterSettings, egress: Egress) -> "aks.ManagedClusterAPIServerAccessProfileArgs":
    """API server allow list: operators, pipelines, and the nodes, which also use the public address."""
    if private := settings.private:
        return aks.ManagedClusterAPIServerAccessProfileArgs(
            enable_private_cluster=True,
            private_dns_zone=private.dns_zone,
            enable_private_cluster_public_fqdn=private.public_fqdn,
            disable_run_command=True,
        )
    given = [str(net) for net in (*settings.operator_ranges, *settings.deployer_ranges)]
    ranges = egress.ranges.apply(lambda own: list(dict.fromkeys([*given, *own])))
    return aks.ManagedClusterAPIServerAccessProfileArgs(authorized_ip_ranges=ranges, disable_run_command=True)


def proxy(url: str, direct: Sequence[str], ca: str | None) -> "aks.ManagedClusterHTTPProxyConfigArgs":
    """The proxy for nodes and pods, into which AKS writes HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""
    encoded = base64.b64encode(ca.encode()).decode() if ca else None
    return aks.ManagedClusterHTTPProxyConfigArgs(
        http_proxy=url, https_proxy=url, no_proxy=list(direct), trusted_ca=encoded
    )


def security() -> "aks.ManagedClusterSecurityProfileArgs":
    """Enable workload identity, and remove unused images after a week."""
    return aks.ManagedClusterSecurityProfileArgs(
        workload_identity=aks.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
        image_cleaner=aks.ManagedClusterSecurityProfileImageCleanerArgs(enabled=True, interval_hours=168),
    )


def network_profile(settings: ClusterSettings, egress: Egress) -> "aks.ContainerServiceNetworkProfileArgs":
    """Overlay network for pods, routed and filtered by Cilium.

    All SDK defaults are explicit, because a changed default would replace the cluster.
    """
    return aks.ContainerServiceNetworkProfileArgs(
        network_plugin="azure",
        network_plugin_mode="overlay",
        network_dataplane="cilium",
        network_policy="cilium",
        outbound_type="userAssignedNATGateway" if egress.outbound == "natGateway" else egress.outbound,
        load_balancer_sku="standard",
        load_balancer_profile=load_balancer(egress) if egress.outbound == "loadBalancer" else None,
        pod_cidr=str(settings.pod_range),
        service_cidr=str(settings.service_range),
        dns_service_ip=str(settings.dns_address),
    )


def load_balancer(egress: Egress) -> "aks.ManagedClusterLoadBalancerProfileArgs":
    """Egress through the stack's own addresses, which outlive the cluster."""
    return aks.ManagedClusterLoadBalancerProfileArgs(
        outbound_ips=aks.ManagedClusterLoadBalancerProfileOutboundIPsArgs(
            public_ips=[aks.ResourceReferenceArgs(id=id_) for id_ in egress.ids]
        ),
        backend_pool_type="NodeIPConfiguration",
        allocated_outbound_ports=0,
        idle_timeout_in_minutes=30,
    )


def auto_scaler(settings: ClusterSettings) -> "aks.ManagedClusterPropertiesAutoScalerProfileArgs":
    """Autoscaler settings. Azure expects every value as a string."""
    drain = max(pool.drain_timeout_minutes for pool in settings.worker_pools)
    return aks.ManagedClusterPropertiesAutoScalerProfileArgs(
        balance_similar_node_groups="true",
        expander="least-waste",
        # Let a worker finish its builds when its node is scaled down, too.
        max_graceful_termination_sec=str(drain * 60),
        scale_down_unneeded_time="20m",
        # Workers keep builds in local storage, which must not block scale-down for ever.
        skip_nodes_with_local_storage="false",
    )


def window(settings: Maintenance) -> "aks.MaintenanceWindowArgs":
    """A weekly maintenance window in UTC."""
    return aks.MaintenanceWindowArgs(
        schedule=aks.ScheduleArgs(weekly=aks.WeeklyScheduleArgs(day_of_week=settings.day, interval_weeks=1)),
        start_time=f"{settings.start_hour:02}:00",
        duration_hours=settings.hours,
        utc_offset="+00:00",
    )
