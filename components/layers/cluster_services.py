"""Namespaces, disks, CRDs, ingress, certificates and the internal CA, for every workload in the cluster."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.certificates import AcmeIssuers, CertManager, InternalCA
from components.component import Component, after
from components.ingress import Traefik, resolve_inside
from components.kubernetes.charts import pinned
from components.kubernetes.context import ClusterContext, Disks, Host
from components.kubernetes.monitoring_crds import MonitoringCrds
from components.kubernetes.namespaces import Namespaces
from components.kubernetes.storage_classes import StorageClasses
from components.layers.foundation import Foundation
from components.settings import Settings


class ClusterServices(Component):
    """A cluster that is ready for workloads."""

    context: ClusterContext

    def __init__(self, name: str, settings: Settings, foundation: Foundation) -> None:
        self.kubernetes_provider = kubernetes.Provider(
            "kubernetes",
            kubeconfig=foundation.cluster.kubeconfig,
            # Identifies the cluster to the provider. Without it, a kubeconfig that a preview does not know
            # counts as another cluster, and everything in it is replaced. Changing it has the same effect.
            cluster_identifier=f"{pulumi.get_project()}-{pulumi.get_stack()}",
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            # What somebody changed by hand has that person as its owner. Without this, every preview and
            # update that meets such a field fails, instead of putting it back.
            enable_patch_force=True,
        )
        super().__init__(
            name, ResourceOptions(providers=[self.kubernetes_provider, foundation.azure_provider])
        )
        stateful, charts = foundation.groups.stateful, pinned(settings.charts)
        namespaces = Namespaces(
            "namespaces",
            protected=settings.protected,
            outside=settings.outside,
            left_out=settings.left_out,
            teams=settings.secret_namespaces,
            opts=self.child,
        )
        classes = StorageClasses(
            "storage-classes",
            context=stateful,
            group=foundation.groups.stateful_id,
            principal=foundation.cluster.principal,
            opts=self.child,
        )
        crds = MonitoringCrds(
            "monitoring-crds",
            chart=charts["prometheus-operator-crds"],
            namespace=namespaces["monitoring"],
            opts=self.child,
        )
        cert_manager = CertManager(
            "cert-manager",
            settings.certificates,
            chart=charts["cert-manager"],
            namespace=namespaces["cert-manager"],
            service_monitors=crds.ready,
            opts=self.child,
        )
        traefik = Traefik(
            "ingress",
            settings.ingress,
            chart=charts["traefik"],
            namespaces=namespaces.names,
            address=foundation.public_ip,
            service_monitors=crds.ready,
            http01=settings.certificates.solver == "http01",
            left_out=settings.left_out,
            opts=self.child,
        )
        inside = resolve_inside(settings.host_names.values(), ingress=traefik.crds_ready, parent=self)
        ingress_ready = after(traefik.crds_ready, foundation.dns_records.names, inside)
        issuers = AcmeIssuers(
            "issuers",
            settings.certificates,
            cert_manager=cert_manager.namespace,
            zone=foundation.dns.zone,
            client_id=foundation.identities["cert-manager"].client_id,
            ingress=ingress_ready,
            opts=self.child,
        )
        self.internal_ca = InternalCA("internal-ca", cert_manager=cert_manager.namespace, opts=self.child)
        self.context = ClusterContext(
            charts=charts,
            namespaces=namespaces.names,
            disks=Disks(classes.retain, classes.scratch),
            trust=self.internal_ca.trust,
            service_monitors=crds.ready,
            hosts={
                purpose: Host(host, settings.source_ranges[purpose], issuers.chosen, ingress_ready)
                for purpose, host in settings.host_names.items()
            },
            protected=settings.protected,
            left_out=settings.left_out,
        )
        self.register_outputs({})
