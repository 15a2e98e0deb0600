"""The AKS cluster and its node pools."""

from components.azure.aks.cluster import Cluster
from components.azure.aks.node_pools import node_selector
from components.azure.aks.settings import ClusterSettings

__all__ = ["Cluster", "ClusterSettings", "node_selector"]
