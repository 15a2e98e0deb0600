"""cert-manager, which issues and renews certificates."""

from pulumi import Input, Output, ResourceOptions

from components.certificates.settings import CertificatesSettings
from components.certificates.values import values
from components.component import Component
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release


class CertManager(Component):
    """cert-manager and its CRDs."""

    namespace: Output[str]
    """Its namespace; known once its CRDs exist and its webhook answers."""

    def __init__(
        self,
        name: str,
        settings: CertificatesSettings,
        *,
        chart: Chart,
        namespace: Input[str],
        service_monitors: Input[bool],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.namespace = ready(
            release(
                "cert-manager",
                chart,
                namespace=namespace,
                values=values(settings, service_monitors=service_monitors),
                opts=self.child,
            ),
            namespace,
        )
        self.register_outputs({"namespace": self.namespace})
