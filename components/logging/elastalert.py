"""Alerts from the logs: ElastAlert2, which tells Slack."""

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.certificates.internal_ca import Trust, trusted
from components.kubernetes.charts import Chart
from components.kubernetes.helm import release
from components.kubernetes.job import stamp_of
from components.logging.elastalert_values import SLACK, values
from components.logging.settings import LogAlertsSettings


class LogAlerts(ComponentResource):
    """Rules that the logs are asked by."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: LogAlertsSettings,
        *,
        chart: Chart,
        namespace: Input[str],
        login: Input[str],
        login_stamp: Input[str],
        trust: Trust,
        webhook: Output[str],
        kibana: str,
        monitors: Input[bool],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`login` is a Secret in the namespace with `username` and `password`."""
        super().__init__("platform:index:LogAlerts", name, None, opts)
        child = ResourceOptions(parent=self)
        slack = k8s.core.v1.Secret(
            SLACK,
            metadata={"name": SLACK, "namespace": namespace},
            string_data={"webhook-url": webhook},
            opts=child,
        )
        stamp = Output.all(login_stamp, stamp_of(webhook)).apply("-".join)
        release(
            "elastalert2",
            chart,
            namespace=namespace,
            values=values(
                settings,
                login=login,
                ca=trusted("elastalert-ca", trust, namespace=namespace, parent=self),
                slack=slack.metadata.name,
                kibana=kibana,
                stamp=stamp,
                monitors=monitors,
            ),
            opts=child,
        )
        self.register_outputs({})
