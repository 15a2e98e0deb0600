"""What Azure is told about a cluster, made from its settings."""

from typing import Literal

import pulumi_azure_native as az
from pulumi import Output

from components.cluster_settings import ClusterSettings, Maintenance
from components.egress import Egress

Schedule = Literal["aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"]


def entra(
    settings: ClusterSettings, tenant: str
) -> "az.containerservice.ManagedClusterAADProfileArgs":
    """Who may use the API server: people and programs of the tenant."""
    return az.containerservice.ManagedClusterAADProfileArgs(
        managed=True,
        enable_azure_rbac=True,
        tenant_id=tenant,
        admin_group_object_ids=list(settings.admin_group_object_ids),
    )


def authorized(settings: ClusterSettings, egress: Egress) -> Output[list[str]]:
    """From where: people, pipelines, and the nodes, which use the API's public address too."""
    given = [str(net) for net in (*settings.operator_ranges, *settings.deployer_ranges)]
    own = Output.all(*egress.addresses)
    return own.apply(lambda found: list(dict.fromkeys([*given, *(f"{ip}/32" for ip in found)])))


def security() -> "az.containerservice.ManagedClusterSecurityProfileArgs":
    """Pods get identities of their own; images that nobody uses go after a week."""
    return az.containerservice.ManagedClusterSecurityProfileArgs(
        workload_identity={"enabled": True},
        image_cleaner={"enabled": True, "interval_hours": 168},
    )


def network_profile(
    settings: ClusterSettings, egress: Egress
) -> "az.containerservice.ContainerServiceNetworkProfileArgs":
    """Pods on addresses of their own, routed and filtered by Cilium.

    The SDK's defaults are all said: one that changed there would replace the cluster.
    """
    by_gateway = egress.outbound == "natGateway"
    return az.containerservice.ContainerServiceNetworkProfileArgs(
        network_plugin="azure",
        network_plugin_mode="overlay",
        network_dataplane="cilium",
        network_policy="cilium",
        outbound_type="userAssignedNATGateway" if by_gateway else "loadBalancer",
        load_balancer_sku="standard",
        load_balancer_profile=None if by_gateway else load_balancer(egress),
        pod_cidr=str(settings.pod_range),
        service_cidr=str(settings.service_range),
        dns_service_ip=str(settings.dns_address),
    )


def load_balancer(egress: Egress) -> "az.containerservice.ManagedClusterLoadBalancerProfileArgs":
    """Nodes go out by our addresses, and not by one that comes and goes with the cluster."""
    return az.containerservice.ManagedClusterLoadBalancerProfileArgs(
        outbound_ips={"public_ips": [{"id": id_} for id_ in egress.ids]},
        backend_pool_type="NodeIPConfiguration",
        allocated_outbound_ports=0,
        idle_timeout_in_minutes=30,
    )


def auto_scaler() -> "az.containerservice.ManagedClusterPropertiesAutoScalerProfileArgs":
    """Azure takes every value as text."""
    return az.containerservice.ManagedClusterPropertiesAutoScalerProfileArgs(
        balance_similar_node_groups="true",
        expander="least-waste",
        max_graceful_termination_sec="3600",
        scale_down_unneeded_time="20m",
        # Workers keep builds in local storage, which must not hold a node for ever.
        skip_nodes_with_local_storage="false",
    )


def window(settings: Maintenance) -> "az.containerservice.MaintenanceWindowArgs":
    """Every week, in UTC."""
    return az.containerservice.MaintenanceWindowArgs(
        schedule={"weekly": {"day_of_week": settings.day, "interval_weeks": 1}},
        start_time=f"{settings.start_hour:02}:00",
        duration_hours=settings.hours,
        utc_offset="+00:00",
    )
