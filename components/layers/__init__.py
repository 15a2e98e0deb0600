"""The layers of the platform. Each builds on those before it."""

from components.layers.cluster_services import ClusterServices
from components.layers.delivery import Delivery
from components.layers.foundation import Foundation
from components.layers.observability import Observability
from components.layers.secrets import Secrets

__all__ = ["ClusterServices", "Delivery", "Foundation", "Observability", "Secrets"]
