"""The AKS cluster and its node pools."""

from components.azure.aks.arguments import proxy
from components.azure.aks.cluster import Cluster
from components.azure.aks.node_pools import node_selector, tolerations
from components.azure.aks.settings import ClusterSettings

__all__ = ["Cluster", "ClusterSettings", "node_selector", "proxy", "tolerations"]
