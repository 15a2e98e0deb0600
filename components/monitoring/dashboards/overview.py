"""Is the platform well, and what has changed? People look at this dashboard first."""

from components.monitoring.dashboards.panels import (
    THIRD,
    Dashboard,
    Limits,
    Query,
    Row,
    graph,
    stat,
    table,
)
from components.monitoring.dashboards.selectors import API_SECONDS, PLATFORM, WORKERS, disk_used

FIRING = 'max by (severity, alertname, namespace, pod) (ALERTS{alertstate="firing", severity="%s"})'
NEWEST_PODS = f"""topk(12,
  max by (namespace, created_by_kind, created_by_name) (
    max by (namespace, pod) (kube_pod_created{{{PLATFORM}}})
    * on (namespace, pod) group_left (created_by_kind, created_by_name)
    max by (namespace, pod, created_by_kind, created_by_name) (kube_pod_info{{created_by_kind!~"Job|Node"}})
  )
) * 1000"""
IMAGES = f"""count by (namespace, image) (
  max by (namespace, pod, container, image) (kube_pod_container_info{{{PLATFORM}}})
)"""
FAILED_REQUESTS = """sum by (service) (rate(traefik_service_requests_total{code=~"5.."}[$__rate_interval]))
/ sum by (service) (rate(traefik_service_requests_total[$__rate_interval]))"""

WELL = (
    stat(
        "Critical alerts",
        "short",
        "Alerts that fire and affect users, or soon will.",
        'count(ALERTS{alertstate="firing", severity="critical"}) or vector(0)',
        limits=Limits(1, 1),
        runbook="README",
    ),
    stat(
        "Warnings",
        "short",
        "Alerts that fire and can wait for working hours.",
        'count(ALERTS{alertstate="firing", severity="warning"}) or vector(0)',
        limits=Limits(1),
        runbook="README",
    ),
    stat(
        "Web nodes",
        "short",
        "Web nodes of Concourse that Prometheus reaches.",
        'sum(up{namespace="concourse", job="monitoring/concourse-web"}) or vector(0)',
        limits=Limits(1, 1, low=True),
        runbook="ConcourseWebDown",
    ),
    stat(
        "Running workers",
        "short",
        "Workers of Concourse that accept builds.",
        f'sum({WORKERS}{{state="running"}}) or vector(0)',
        limits=Limits(1, 1, low=True),
        runbook="ConcourseNoRunningWorkers",
    ),
    stat(
        "Vault",
        "none",
        "Whether a node of Vault is active. Without one, builds get no secrets.",
        "max(vault_core_active) or vector(0)",
        names={0: "down", 1: "active"},
        limits=Limits(1, 1, low=True),
        runbook="VaultNoActiveNode",
        part="vault",
    ),
    stat(
        "Oldest backup",
        "s",
        "Age of the last successful backup, of the kind whose last one is oldest.",
        'max(time() - max by (cronjob) (kube_cronjob_status_last_successful_time{namespace="backup"}))',
        limits=Limits(14 * 3600, 26 * 3600),
        runbook="BackupTooOld",
        part="vault",
    ),
    stat(
        "Next expiry",
        "s",
        "Time until the first certificate or credential expires.",
        "min(certmanager_certificate_expiration_timestamp_seconds or platform_expires_timestamp_seconds)"
        " - time()",
        limits=Limits(21 * 86400, 7 * 86400, low=True),
        runbook="CertificateNotRenewed",
    ),
    stat(
        "Fullest disk",
        "percentunit",
        "Used part of the persistent volume that has the least space left.",
        f"max({disk_used()})",
        limits=Limits(0.85, 0.95),
        runbook="VolumeFull",
    ),
    table(
        "Alerts that fire",
        "none",
        "Critical alerts first. The runbook of an alert has its name.",
        f"sort_desc({FIRING % 'critical'} * 2 or {FIRING % 'warning'})",
        {"severity": "Severity", "alertname": "Alert", "namespace": "Namespace", "pod": "Pod"},
        runbook="README",
        width=24,
        height=6,
    ),
)
USERS = (
    graph(
        "API response time",
        "s",
        "95th percentile of Concourse's API. Above the line, pages and `fly` are slow.",
        Query(f"histogram_quantile(0.95, sum by (le) (rate({API_SECONDS}[$__rate_interval])))", "95 %"),
        limits=Limits(2),
        runbook="ConcourseApiSlow",
        width=THIRD,
    ),
    graph(
        "Builds",
        "short",
        "Builds that run, and steps that wait for a worker.",
        Query("sum(concourse_builds_running)", "running builds"),
        Query("sum(concourse_steps_waiting)", "waiting steps"),
        runbook="ConcourseStepsWaiting",
        width=THIRD,
    ),
    graph(
        "Requests that fail",
        "percentunit",
        "Part of the requests to a service behind the ingress that return 5xx.",
        Query(FAILED_REQUESTS, "{{service}}"),
        limits=Limits(0.05),
        runbook="IngressErrors",
        width=THIRD,
    ),
)
CHANGED = (
    table(
        "Newest pods",
        "dateTimeFromNow",
        "Workloads whose pods were rolled out or replaced last.",
        NEWEST_PODS,
        {
            "namespace": "Namespace",
            "created_by_kind": "Kind",
            "created_by_name": "Name",
            "Value": "Newest pod",
        },
    ),
    table(
        "Images",
        "short",
        "Images that run, with the number of their containers.",
        IMAGES,
        {"namespace": "Namespace", "image": "Image", "Value": "Containers"},
    ),
    graph(
        "Restarts of containers",
        "short",
        "Restarts in 15 minutes, by namespace. A rollout restarts no container.",
        Query(
            f"sum by (namespace) (increase(kube_pod_container_status_restarts_total{{{PLATFORM}}}[15m]))",
            "{{namespace}}",
        ),
        runbook="ContainerOutOfMemory",
    ),
    graph(
        "Nodes by version",
        "short",
        "Nodes by the version of their kubelet. Two versions at once are an upgrade.",
        Query(
            "count by (kubelet_version) (max by (node, kubelet_version) (kube_node_info))",
            "{{kubelet_version}}",
        ),
        stacked=True,
    ),
)
DASHBOARD = Dashboard(
    "overview",
    "Overview",
    "Is the platform well, and what has changed?",
    (
        Row("Is it well?", WELL),
        Row("What do users see?", USERS),
        Row("What has changed?", CHANGED),
    ),
)
