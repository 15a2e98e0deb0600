"""Values of ElastAlert2's chart."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pulumi import Input

from components.kubernetes.pod_values import resources
from components.logging.settings import ElastAlertSettings
from components.logging.values import ELASTICSEARCH, ELASTICSEARCH_PORT

RULES = Path(__file__).parent / "alerts"
CA_FOLDER = "/elasticsearch"
SLACK = "elastalert-slack"


def values(  # noqa: PLR0913 (named, and each an input)
    settings: ElastAlertSettings,
    *,
    login: Input[str],
    ca: Input[str],
    slack: Input[str],
    kibana: str,
    stack: str,
    config_checksum: Input[str],
    monitors: Input[bool],
    left_out: Collection[str] = (),
) -> dict[str, Any]:
    """Values that differ from the chart's defaults. `login` and `slack` name Secrets, `ca` a ConfigMap.

    Messages begin with the name of the stack, and link to `kibana`.

    Rules about a part begin with its name: `vault_denials.yaml`.
    """
    files = [rule for rule in sorted(RULES.glob("*.yaml")) if rule.stem.partition("_")[0] not in left_out]
    return {
        "elasticsearch": {
            "host": ELASTICSEARCH,
            "port": ELASTICSEARCH_PORT,
            "useSsl": "True",
            "caCerts": f"{CA_FOLDER}/ca.crt",
            "credentialsSecret": login,
            "credentialsSecretUsernameKey": "username",
            "credentialsSecretPasswordKey": "password",
            "certsVolumes": [{"name": "elasticsearch", "configMap": {"name": ca}}],
            "certsVolumeMounts": [{"name": "elasticsearch", "mountPath": CA_FOLDER, "readOnly": True}],
        },
        "runIntervalMins": settings.run_every_minutes,
        "optEnv": [
            {
                "name": "SLACK_WEBHOOK_URL",
                "valueFrom": {"secretKeyRef": {"name": slack, "key": "webhook-url"}},
            }
        ],
        "extraConfigOptions": {
            "slack_webhook_url": "${SLACK_WEBHOOK_URL}",  # ElastAlert2 substitutes the environment variable
            "slack_channel_override": settings.slack_channel,
            "kibana_url": kibana,
            "slack_title_link": kibana,
            "slack_msg_pretext": f"Stack {stack}",
        },
        "rules": {rule.stem: rule.read_text(encoding="utf-8") for rule in files},
        "podAnnotations": {"checksum/config": config_checksum},
        "serviceAccount": {"create": False},  # it does not use the Kubernetes API
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": resources(settings.memory, cpu="50m"),
        "metrics": {"enabled": True, "serviceMonitor": {"enabled": monitors}},
    }
