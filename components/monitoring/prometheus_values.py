"""Values of the chart of Prometheus and Alertmanager."""

from collections.abc import Mapping
from typing import Any

from pulumi import Input

from components.kubernetes.pod_values import budget, claim, resources, spread
from components.monitoring.settings import PrometheusSettings

PROMETHEUS_RELEASE = "kube-prometheus-stack"
SCRAPE_INTERVAL = "30s"
"""How often Prometheus scrapes. Grafana must know it, or its rates are of one sample."""
FORWARDED = {"prometheus": "http://localhost:9090", "alertmanager": "http://localhost:9093"}
"""Their addresses for people, who reach them by `kubectl port-forward` alone: neither has a login."""
THROUGH_PROXY = {"global": {"http_config": {"proxy_from_environment": True}}}
"""Alertmanager does not look at HTTPS_PROXY by itself (prometheus.io/docs/alerting/latest/configuration)."""
MANAGED_BY_AKS = ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy")
"""Parts of Kubernetes that AKS manages and does not expose for scraping."""
MANAGED_RULES = (
    "etcd", "kubeControllerManager", "kubeProxy", "kubeSchedulerAlerting", "kubeSchedulerRecording",
)  # fmt: skip
SELECTORS = ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")


def values(
    settings: PrometheusSettings,
    *,
    stack: str,
    disk: Input[str],
    alertmanager: Mapping[str, Any],
    receivers: Input[str],
    dashboards: bool = True,
    proxy: bool = False,
) -> dict[str, Any]:
    """Values that differ from the chart's defaults.

    `alertmanager` is Alertmanager's configuration, and `receivers` the name of the Secret with its keys.
    `dashboards` is whether there is a Grafana for the chart's dashboards, `proxy` whether pods have a proxy
    in their environment.
    """
    several = settings.replicas > 1
    return {
        "crds": {"enabled": False},  # a separate release installs them
        "grafana": {"enabled": False, "forceDeployDashboards": dashboards},  # a separate release
        **{part: {"enabled": False} for part in MANAGED_BY_AKS},
        "defaultRules": {
            "rules": dict.fromkeys((*MANAGED_RULES, "windows"), False),
            "disabled": {"KubePersistentVolumeFillingUp": True},  # VolumeFull and VolumeFilling have runbooks
        },
        "nodeExporter": {"operatingSystems": {"aix": {"enabled": False}, "darwin": {"enabled": False}}},
        # The cluster's CA signs the kubelets' certificates on AKS. Prometheus sends its token to kubelets.
        "kubelet": {"serviceMonitor": {"insecureSkipVerify": False}},
        "prometheus": {
            "podDisruptionBudget": budget(settings.replicas),
            "prometheusSpec": {
                **{
                    f"{resource}SelectorNilUsesHelmValues": False for resource in SELECTORS
                },  # else only the chart's own
                "externalLabels": {"stack": stack},
                "scrapeInterval": SCRAPE_INTERVAL,
                "externalUrl": FORWARDED["prometheus"],
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
            "config": {**alertmanager, **(THROUGH_PROXY if proxy else {})},
            "alertmanagerSpec": {
                "externalUrl": FORWARDED["alertmanager"],
                "replicas": settings.replicas,
                "podAntiAffinity": "hard" if several else "soft",
                "topologySpreadConstraints": spread("alertmanager"),
                "secrets": [receivers],
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
            "metricLabelsAllowlist": [
                "pods=[vault-sealed,vault-initialized,vault-active]",
                "nodes=[kubernetes.azure.com/agentpool]",
            ],
        },
        "prometheus-node-exporter": {
            "namespaceOverride": "node-agents",  # it uses the host network and reads the nodes' files
            "resources": resources("128Mi", cpu="50m"),
        },
    }
