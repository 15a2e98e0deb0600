"""The values of cert-manager's chart."""

from typing import Any

from pulumi import Input

from components.azure.identity import CERT_MANAGER
from components.certificates.settings import CertificatesSettings
from components.kubernetes.pod_values import budget, resources, spread

IDENTITY = {"azure.workload.identity/use": "true"}
"""By this label AKS gives a pod the token that Entra takes."""


def values(settings: CertificatesSettings, *, monitors: Input[bool]) -> dict[str, Any]:
    """What differs from the chart's defaults."""

    def part_(app: str, memory: str) -> dict[str, Any]:
        return {
            "replicaCount": settings.replicas,
            "podDisruptionBudget": budget(settings.replicas),
            "topologySpreadConstraints": spread(app),
            "resources": resources(memory, cpu="20m"),
        }

    return {
        "crds": {"enabled": True},  # and kept: with them every Certificate of the cluster would go
        "global": {"leaderElection": {"namespace": CERT_MANAGER.namespace}},  # not in kube-system
        **part_("cert-manager", "256Mi"),
        "cainjector": part_("cainjector", "256Mi"),
        "webhook": part_("webhook", "128Mi"),
        "podLabels": IDENTITY,
        "serviceAccount": {"labels": IDENTITY},
        # Whether a record is there it asks the cluster's name server: it reaches no other.
        "dns01RecursiveNameserversOnly": True,
        "prometheus": {"servicemonitor": {"enabled": monitors}},
        "startupapicheck": {"timeout": "5m", "resources": resources("64Mi", cpu="10m")},
    }
