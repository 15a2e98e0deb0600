"""Traefik, the ingress at the stack's public address."""

from collections.abc import Collection, Mapping

from pulumi import Input, Output, ResourceOptions

from components.azure.network import IngressPublicIp
from components.component import Component, after
from components.ingress.settings import IngressSettings
from components.ingress.values import CLASS, values
from components.kubernetes.chart_crds import apply_crds
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release
from components.kubernetes.parts import public_namespaces

CRDS = tuple(
    f"{plural}.traefik.io"
    for plural in (
        "ingressroutes", "ingressroutetcps", "ingressrouteudps", "middlewares", "middlewaretcps",
        "serverstransports", "serverstransporttcps", "tlsoptions", "tlsstores", "traefikservices",
    )
)  # fmt: skip
"""All that Traefik Proxy knows: it serves no route while one is missing (traefik-helm-chart#359). The chart's
CRDs of the group hub.traefik.io are another product's."""


class Traefik(Component):
    """Traefik and its CRDs."""

    crds_ready: Output[str]
    """Name of the ingress class; known once the CRDs exist."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: IngressSettings,
        *,
        chart: Chart,
        namespaces: Mapping[str, Output[str]],
        address: IngressPublicIp | None,
        service_monitors: Input[bool],
        http01: bool,
        left_out: Collection[str] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """Without a public `address`, the settings have an internal one.

        With `http01`, cert-manager creates Ingress objects for challenges, which Traefik has to serve.
        """
        super().__init__(name, opts)
        namespace = namespaces["ingress"]
        crds = apply_crds("traefik-crds", chart, CRDS, namespace=namespace, parent=self)
        traefik = release(
            "traefik",
            chart,
            namespace=namespace,
            skip_crds=True,
            values=values(
                settings,
                address=address.name if address else None,
                group=address.group if address else None,
                # Not the release's own: a Job that is replaced would replace the release with it.
                namespaces=[
                    after(namespace, crds),
                    *(namespaces[each] for each in public_namespaces(left_out)),
                ],
                service_monitors=service_monitors,
                http01=http01,
            ),
            opts=self.child,
        )
        self.crds_ready = ready(traefik, CLASS)
        self.register_outputs({"crdsReady": self.crds_ready})
