"""ElastAlert2, which sends alerts on log lines to Slack."""

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.certificates import ca_bundle
from components.component import Component
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import release
from components.kubernetes.job import checksum
from components.logging.elastalert_values import SLACK, values
from components.logging.settings import ElastAlertSettings


class ElastAlert(Component):
    """ElastAlert2 with its alert rules."""

    def __init__(
        self,
        name: str,
        settings: ElastAlertSettings,
        ctx: ClusterContext,
        *,
        login: Input[str],
        login_checksum: Input[str],
        webhook: Output[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`login` is a Secret in the namespace `logging` with the keys `username` and `password`."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["logging"]
        slack = k8s.core.v1.Secret(
            SLACK,
            metadata={"name": SLACK, "namespace": namespace},
            string_data={"webhook-url": webhook},
            opts=self.child,
        )
        stamp = Output.all(login_checksum, checksum(webhook)).apply("-".join)
        release(
            "elastalert2",
            ctx.charts["elastalert2"],
            namespace=namespace,
            values=values(
                settings,
                login=login,
                ca=ca_bundle("elastalert-ca", ctx.trust, namespace=namespace, parent=self),
                slack=slack.metadata.name,
                kibana=ctx.hosts["kibana"].url,
                stamp=stamp,
                monitors=ctx.service_monitors,
            ),
            opts=self.child,
        )
        self.register_outputs({})
