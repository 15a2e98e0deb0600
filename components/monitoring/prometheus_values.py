"""Values of the chart of Prometheus and Alertmanager."""

from typing import Any

from pulumi import Input

from components.kubernetes.pod_values import budget, claim, resources, spread
from components.monitoring.settings import PrometheusSettings

PROMETHEUS_RELEASE = "kube-prometheus-stack"
SLACK = "alertmanager-slack"
WEBHOOK = "webhook"
MANAGED_BY_AKS = ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy")
"""Parts of Kubernetes that AKS manages and does not expose for scraping."""
MANAGED_RULES = (
    "etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting", "kubeSchedulerRecording",
)  # fmt: skip
SELECTORS = ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")
TITLE = "[{{ .Status | toUpper }}:{{ .Alerts | len }}] {{ .CommonLabels.alertname }}"
TEXT = (
    "{{ range .Alerts }}*{{ .Labels.severity }}* {{ .Annotations.summary }} {{ .Annotations.description }}"
    "{{ with .Annotations.runbook_url }} → {{ . }}{{ end }}\n{{ end }}"
)


def values(settings: PrometheusSettings, *, disk: Input[str], slack: Input[str]) -> dict[str, Any]:
    """Values that differ from the chart's defaults. `slack` is the name of the Secret with the webhook."""
    several = settings.replicas > 1
    return {
        "crds": {"enabled": False},  # a separate release installs them
        "grafana": {"enabled": False, "forceDeployDashboards": True},  # a separate release; keep dashboards
        **{part: {"enabled": False} for part in MANAGED_BY_AKS},
        "defaultRules": {"rules": dict.fromkeys((*MANAGED_RULES, "windows"), False)},
        "nodeExporter": {"operatingSystems": {"aix": {"enabled": False}, "darwin": {"enabled": False}}},
        # The cluster's CA signs the kubelets' certificates on AKS. Prometheus sends its token to kubelets.
        "kubelet": {"serviceMonitor": {"insecureSkipVerify": False}},
        "prometheus": {
            "podDisruptionBudget": budget(settings.replicas),
            "prometheusSpec": {
                **{
                    f"{resource}SelectorNilUsesHelmValues": False for resource in SELECTORS
                },  # else only the chart's own
                "replicas": settings.replicas,
                "podAntiAffinity": "hard" if several else "soft",
                "topologySpreadConstraints": spread("prometheus"),
                "retention": settings.retention,
                "retentionSize": f"{settings.full_gb}GB",  # Prometheus' GB are 1024³ bytes
                "resources": resources(settings.memory, cpu="500m"),
                "storageSpec": claim(disk, settings.disk_gb),
            },
        },
        "alertmanager": {
            "podDisruptionBudget": budget(settings.replicas),
            "config": routing(settings.slack_channel),
            "alertmanagerSpec": {
                "replicas": settings.replicas,
                "podAntiAffinity": "hard" if several else "soft",
                "topologySpreadConstraints": spread("alertmanager"),
                "secrets": [slack],
                "resources": resources("128Mi", cpu="20m"),
                "storage": claim(disk, 8),
            },
        },
        "prometheusOperator": {
            # An unreachable webhook would block all rules, and promtool has already checked ours.
            "admissionWebhooks": {"enabled": False},
            "tls": {"enabled": False},  # its certificate would come from the webhook's jobs
            "resources": resources("256Mi", cpu="50m"),
            "prometheusConfigReloader": {"resources": resources("64Mi", cpu="10m")},
        },
        "kube-state-metrics": {
            "resources": resources("256Mi", cpu="20m"),
            "metricLabelsAllowlist": ["pods=[vault-sealed,vault-initialized,vault-active]"],
        },
        "prometheus-node-exporter": {
            "namespaceOverride": "node-agents",  # it uses the host network and reads the nodes' files
            "resources": resources("128Mi", cpu="50m"),
        },
    }


def routing(channel: str) -> dict[str, Any]:
    """Alertmanager's configuration: alerts that need action by a person go to Slack."""
    return {
        "route": {
            "receiver": "slack",
            "group_by": ["alertname", "namespace"],
            "repeat_interval": "12h",
            "routes": [{"receiver": "null", "matchers": ['severity !~ "critical|warning"']}],
        },
        "receivers": [
            {"name": "null"},
            {
                "name": "slack",
                "slack_configs": [
                    {
                        "api_url_file": f"/etc/alertmanager/secrets/{SLACK}/{WEBHOOK}",
                        "channel": channel,
                        "send_resolved": True,
                        "title": TITLE,
                        "text": TEXT,
                    }
                ],
            },
        ],
    }
