"""cert-manager, which makes and renews certificates."""

from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.certificates.settings import CertificatesSettings
from components.certificates.values import values
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release


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
