"""The values of cert-manager's chart, and parts of its custom resources."""

from typing import Any

from pulumi import Input, Output

from components.azure.arm_id import ArmId
from components.azure.identity import CERT_MANAGER_ACCOUNT
from components.certificates.settings import CertificatesSettings
from components.kubernetes.pod_values import budget, resources, spread

API_VERSION = "cert-manager.io/v1"
IDENTITY = {"azure.workload.identity/use": "true"}
"""Label of pods that get a token for Entra (AKS workload identity)."""


def values(settings: CertificatesSettings, *, service_monitors: Input[bool]) -> dict[str, Any]:
    """Differences from the chart's defaults."""

    def controller(app: str, memory: str) -> dict[str, Any]:
        return {
            "replicaCount": settings.replicas,
            "podDisruptionBudget": budget(settings.replicas),
            "topologySpreadConstraints": spread(app),
            "resources": resources(memory, cpu="20m"),
        }

    return {
        "crds": {"enabled": True},  # the chart keeps them: a deleted CRD takes all Certificates with it
        "global": {
            "leaderElection": {"namespace": CERT_MANAGER_ACCOUNT.namespace}
        },  # the default is kube-system
        **controller("cert-manager", "256Mi"),
        "cainjector": controller("cainjector", "256Mi"),
        "webhook": controller("webhook", "128Mi"),
        "podLabels": IDENTITY,
        "serviceAccount": {"labels": IDENTITY},
        # It verifies records through the cluster's DNS: its network policy allows no other server.
        "dns01RecursiveNameserversOnly": True,
        # Prometheus would overwrite the namespace of each certificate with cert-manager's.
        "prometheus": {"servicemonitor": {"enabled": service_monitors, "honorLabels": True}},
        "startupapicheck": {"timeout": "5m", "resources": resources("64Mi", cpu="10m")},
    }


def solver(
    challenge: str, *, zone: Output[str], client_id: Output[str], ingress: Output[str]
) -> dict[str, Any]:
    """The solver of an ACME issuer. `zone` is the id of the DNS zone."""
    if challenge == "http01":
        return {"http01": {"ingress": {"class": ingress}}}
    zone_id = ArmId(zone)
    return {
        "dns01": {
            "azureDNS": {
                "subscriptionID": zone_id.subscription,
                "resourceGroupName": zone_id.resource_group,
                "hostedZoneName": zone_id.name,
                "environment": "AzurePublicCloud",
                "managedIdentity": {"clientID": client_id},
            }
        }
    }
