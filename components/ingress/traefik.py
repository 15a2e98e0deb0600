"""Traefik, the ingress at the stack's public address."""

from collections.abc import Mapping

from pulumi import Input, Output, ResourceOptions

from components.azure.network import IngressPublicIp
from components.component import Component
from components.ingress.settings import IngressSettings
from components.ingress.values import CLASS, values
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release
from components.kubernetes.network_policies import PUBLIC


class Traefik(Component):
    """Traefik and its CRDs."""

    crds_ready: Output[str]
    """Name of the ingress class; known once the CRDs exist."""

    def __init__(
        self,
        name: str,
        settings: IngressSettings,
        *,
        chart: Chart,
        namespaces: Mapping[str, Output[str]],
        address: IngressPublicIp,
        service_monitors: Input[bool],
        http01: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """With `http01`, cert-manager creates Ingress objects for challenges, which Traefik has to serve."""
        super().__init__(name, opts)
        namespace = namespaces["ingress"]
        traefik = release(
            "traefik",
            chart,
            namespace=namespace,
            values=values(
                settings,
                address=address.name,
                group=address.group,
                namespaces=[namespace, *(namespaces[each] for each in PUBLIC)],
                service_monitors=service_monitors,
                http01=http01,
            ),
            opts=self.child,
        )
        self.crds_ready = ready(traefik, CLASS)
        self.register_outputs({"crdsReady": self.crds_ready})
