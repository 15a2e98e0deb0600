"""Alerts from the logs: ElastAlert2, which tells Slack."""

from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.authority import Trust, trusted
from components.charts import Chart
from components.helm import release
from components.job import stamp_of
from components.logs_settings import LogAlertsSettings
from components.logs_values import ELASTICSEARCH, ELASTICSEARCH_PORT
from components.pods import resources

RULES = Path(__file__).parent / "files" / "log_alerts"
CA = "/elasticsearch"
SLACK = "elastalert-slack"


def values(  # noqa: PLR0913 (named, and each an input)
    settings: LogAlertsSettings,
    *,
    login: Input[str],
    ca: Input[str],
    slack: Input[str],
    kibana: str,
    stamp: Input[str],
    monitors: Input[bool],
) -> dict[str, Any]:
    """What differs from the chart's defaults. `login` and `slack` are Secrets, `ca` a ConfigMap."""
    return {
        "elasticsearch": {
            "host": ELASTICSEARCH,
            "port": ELASTICSEARCH_PORT,
            "useSsl": "True",
            "caCerts": f"{CA}/ca.crt",
            "credentialsSecret": login,
            "credentialsSecretUsernameKey": "username",
            "credentialsSecretPasswordKey": "password",
            "certsVolumes": [{"name": "elasticsearch", "configMap": {"name": ca}}],
            "certsVolumeMounts": [{"name": "elasticsearch", "mountPath": CA, "readOnly": True}],
        },
        "runIntervalMins": settings.every_minutes,
        "optEnv": [
            {
                "name": "SLACK_WEBHOOK_URL",
                "valueFrom": {"secretKeyRef": {"name": slack, "key": "webhook-url"}},
            }
        ],
        "extraConfigOptions": {
            "slack_webhook_url": "${SLACK_WEBHOOK_URL}",  # it fills in what the environment has
            "slack_channel_override": settings.slack_channel,
            "kibana_url": kibana,
        },
        "rules": {rule.stem: rule.read_text(encoding="utf-8") for rule in sorted(RULES.glob("*.yaml"))},
        "podAnnotations": {"platform/stamp": stamp},
        "serviceAccount": {"create": False},  # it asks nothing of the cluster
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": resources(settings.memory, cpu="50m"),
        "metrics": {"enabled": True, "serviceMonitor": {"enabled": monitors}},
    }


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
