"""ElastAlert2, which sends alerts on log lines to Slack."""

from pulumi import Input, Output, ResourceOptions, get_stack

from components.certificates import ca_bundle
from components.component import Component
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import release
from components.kubernetes.job import checksum
from components.kubernetes.secret import secret
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
        release(
            "elastalert2",
            ctx.charts["elastalert2"],
            namespace=namespace,
            values=values(
                settings,
                login=login,
                ca=ca_bundle("elastalert-ca", ctx.trust, namespace=namespace, parent=self),
                slack=secret(SLACK, {"webhook-url": webhook}, namespace=namespace, parent=self),
                kibana=ctx.hosts["kibana"].url,
                stack=get_stack(),
                config_checksum=checksum(login_checksum, webhook),
                monitors=ctx.service_monitors,
                left_out=ctx.left_out,
            ),
            opts=self.child,
        )
        self.register_outputs({})
