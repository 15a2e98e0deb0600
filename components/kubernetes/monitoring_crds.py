"""The CRDs of the Prometheus operator, installed before any chart with a ServiceMonitor."""

from pulumi import Input, Output, ResourceOptions

from components.component import Component
from components.kubernetes.charts import Chart
from components.kubernetes.helm import ready, release

CRDS = {"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}}
"""`keep`: a deleted CRD takes every monitor and rule in the cluster with it."""


class MonitoringCrds(Component):
    """ServiceMonitor, PodMonitor, PrometheusRule and the operator's other CRDs."""

    ready: Output[bool]
    """True; resolves once the CRDs exist."""

    def __init__(
        self, name: str, *, chart: Chart, namespace: Input[str], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        crds = release("prometheus-operator-crds", chart, namespace=namespace, values=CRDS, opts=self.child)
        self.ready = ready(crds, value=True)
        self.register_outputs({})
