"""The way in: Traefik at the stack's public address."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from components.component import Component
from components.ingress.settings import IngressSettings
from components.ingress.values import CLASS, values
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release


class Traefik(Component):
    """Traefik, and its crds_ready."""

    crds_ready: Output[str]
    """Name of its class; known once its crds_ready can be used."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: IngressSettings,
        *,
        chart: Chart,
        namespace: Input[str],
        namespaces: Sequence[Input[str]],
        address: Input[str],
        group: Input[str],
        monitors: Input[bool],
        http01: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`namespaces` are those with a host; `address` and `group` name the public address."""
        super().__init__(name, opts)
        traefik = release(
            "traefik",
            chart,
            namespace=namespace,
            values=values(
                settings,
                address=address,
                group=group,
                namespaces=[namespace, *namespaces],
                monitors=monitors,
                http01=http01,
            ),
            opts=self.child,
        )
        self.crds_ready = ready(traefik, CLASS)
        self.register_outputs({"crds_ready": self.crds_ready})
