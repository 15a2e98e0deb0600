"""cert-manager, which makes and renews certificates."""

from pulumi import Input, Output, ResourceOptions

from components.certificates.settings import CertificatesSettings
from components.certificates.values import values
from components.component import Component
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release


class CertManager(Component):
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
        super().__init__(name, opts)
        self.namespace = ready(
            release(
                "cert-manager",
                chart,
                namespace=namespace,
                values=values(settings, monitors=monitors),
                opts=self.child,
            ),
            namespace,
        )
        self.register_outputs({"namespace": self.namespace})
