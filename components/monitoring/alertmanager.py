"""Alertmanager's configuration: who receives which alerts, and what they read.

The fields are those of prometheus.io/docs/alerting/latest/configuration.
"""

from collections.abc import Callable, Mapping
from typing import Any

from components.config.secrets import REQUIRED_SECRETS
from components.monitoring.settings import AlertingSettings, EmailSettings, ReceiverSettings

RECEIVERS = "alertmanager-receivers"
"""Secret with the keys and URLs of the receivers, which Alertmanager reads from files."""
SERVICE = "svc/kube-prometheus-stack-alertmanager"
TITLE = (
    '{{ if eq .Status "resolved" }}Resolved: {{ end }}'
    "{{ with .CommonLabels.stack }}[{{ . }}] {{ end }}{{ .CommonLabels.alertname }}"
    "{{ with .CommonLabels.severity }} ({{ . }}){{ end }}"
)
COLOUR = (
    '{{ if eq .Status "resolved" }}good{{ else if eq .CommonLabels.severity "critical" }}danger'
    "{{ else }}warning{{ end }}"
)
RUNBOOK = '{{ with .CommonAnnotations.runbook_url }}{{ if match "^https://" . }}{{ . }}{{ end }}{{ end }}'
"""Address of the runbook, unless `monitoring.prometheus.runbooks` is empty: then it is a path."""
WHAT = (
    "{{ $same := .CommonAnnotations }}{{ with $same.summary }}{{ . }}\n{{ end }}"
    "{{ if not (and $same.summary $same.description) }}{{ range .Alerts }}- "
    "{{ if ne .Status $.Status }}resolved: {{ end }}"
    "{{ if not $same.summary }}{{ .Annotations.summary }}{{ end }}"
    "{{ if not (or $same.summary $same.description) }} {{ end }}"
    "{{ if not $same.description }}{{ .Annotations.description }}{{ end }}\n{{ end }}{{ end }}"
    "{{ with $same.description }}{{ . }}\n{{ end }}"
)
"""What it means. What several alerts have in common is there once, the rest has a line for each of them."""
SILENCE = (
    "{{ .ExternalURL }}/#/silences/new?filter=%7Balertname%3D%22{{ .CommonLabels.alertname }}%22"
    "{{ with .GroupLabels.namespace }}%2Cnamespace%3D%22{{ . }}%22{{ end }}%7D"
)
"""Page of Alertmanager that silences these alerts. It has no public address: people forward its port."""
FORWARD = (
    f"kubectl{{{{ with .CommonLabels.stack }}}} --context platform-{{{{ . }}}}{{{{ end }}}} -n monitoring "
    f"port-forward {SERVICE} 9093"
)
"""In the context of `python -m deploy kubeconfig`."""
DO = "{{ with .CommonAnnotations.runbook_url }}What to do: {{ . }}\n{{ end }}"
NOT_RESOLVED = '{{ if ne .Status "resolved" }}'
SLACK_TEXT = f"{WHAT}{DO}{NOT_RESOLVED}Silence: <{SILENCE}|new silence>, after `{FORWARD}`{{{{ end }}}}"
TEXT = f"{WHAT}{DO}{NOT_RESOLVED}Silence: {SILENCE}, after {FORWARD}{{{{ end }}}}"
SHORT = TITLE + ":{{ range .Alerts }} {{ .Annotations.summary }}{{ end }}"
"""What a notification on a phone shows."""


def secret_keys(settings: AlertingSettings) -> list[str]:
    """Keys of the secrets of all receivers."""
    return [
        "slackWebhook",
        *(key for key, each in REQUIRED_SECRETS.items() if each.only_with in settings.brings),
    ]


def configuration(channel: str, settings: AlertingSettings) -> dict[str, Any]:
    """Critical alerts and warnings go to Slack, and from a receiver's severity on to it as well.

    The chart's alert Watchdog fires always. It goes to the dead man's switch, as its absence is the alarm.
    """
    quiet = {"receiver": "null", "matchers": ['severity !~ "critical|warning"']}
    switch = {
        "receiver": "deadMansSwitch",
        "matchers": ['alertname = "Watchdog"'],
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "5m",
    }
    receivers = settings.receivers
    return {
        "route": {
            "receiver": "slack",
            "group_by": ["alertname", "namespace"],
            "repeat_interval": "12h",
            "routes": [
                *([switch] if settings.dead_mans_switch else []),
                quiet,
                *(
                    {"receiver": name, "matchers": [f'severity =~ "{severities(one)}"'], "continue": True}
                    for name, one in receivers.items()
                ),
                {"receiver": "slack"},
            ],
        },
        "receivers": [
            {"name": "null"},
            {"name": "slack", "slack_configs": [slack(channel)]},
            *({"name": name, **DESCRIPTIONS[name](one)} for name, one in receivers.items()),
            *([{"name": "deadMansSwitch", **dead_mans_switch()}] if settings.dead_mans_switch else []),
        ],
    }


def severities(receiver: ReceiverSettings) -> str:
    """The severities of a receiver, as a regular expression."""
    return "critical" if receiver.severity == "critical" else "critical|warning"


def file(secret: str) -> str:
    """File in Alertmanager's pods with a secret."""
    return f"/etc/alertmanager/secrets/{RECEIVERS}/{secret}"


def slack(channel: str) -> dict[str, Any]:
    return {
        "api_url_file": file("slackWebhook"),
        "channel": channel,
        "send_resolved": True,
        "color": COLOUR,
        "fallback": SHORT,
        "title": TITLE,
        "title_link": RUNBOOK,
        "text": SLACK_TEXT,
    }


def pager_duty(_: ReceiverSettings) -> Mapping[str, Any]:
    described = {
        "routing_key_file": file("pagerDutyKey"),
        "description": TITLE,
        "severity": "{{ .CommonLabels.severity }}",
        "details": {"text": TEXT},
        "client_url": RUNBOOK,
    }
    return {"pagerduty_configs": [described]}


def teams(_: ReceiverSettings) -> Mapping[str, Any]:
    return {"msteamsv2_configs": [{"webhook_url_file": file("teamsWebhook"), "title": TITLE, "text": TEXT}]}


def email(receiver: EmailSettings) -> Mapping[str, Any]:
    described = {
        "to": receiver.to,
        "from": receiver.sender,
        "smarthost": receiver.server,
        "auth_username": receiver.username,
        "auth_password_file": file("smtpPassword"),
        "headers": {"Subject": TITLE},
        "html": "",
        "text": TEXT,
        "send_resolved": True,
    }
    return {"email_configs": [described]}


def webhook(_: ReceiverSettings) -> Mapping[str, Any]:
    return {"webhook_configs": [{"url_file": file("alertWebhook")}]}


def dead_mans_switch() -> Mapping[str, Any]:
    return {"webhook_configs": [{"url_file": file("deadMansSwitch"), "send_resolved": False}]}


DESCRIPTIONS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "pagerDuty": pager_duty,
    "teams": teams,
    "email": email,
    "webhook": webhook,
}
