"""cert-manager, which makes and renews certificates."""

from typing import Any

from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.certificates import CertificatesSettings
from components.charts import Chart
from components.helm import ready, release
from components.identity import CERT_MANAGER
from components.pods import budget, resources, spread

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


class CertManager(ComponentResource):
    """What makes and renews certificates, and the kinds of its objects."""

    namespace: Output[str]
    """Its namespace; known once it takes Certificates and issuers."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: CertificatesSettings,
        *,
        chart: Chart,
        namespace: Input[str],
        monitors: Input[bool],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("platform:index:CertManager", name, None, opts)
        self.namespace = ready(
            release(
                "cert-manager",
                chart,
                namespace=namespace,
                values=values(settings, monitors=monitors),
                opts=ResourceOptions(parent=self),
            ),
            namespace,
        )
        self.register_outputs({"namespace": self.namespace})
