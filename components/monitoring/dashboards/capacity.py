"""How full the cluster is, and which team uses it."""

from components.monitoring.dashboards.panels import (
    THIRD,
    Choice,
    Dashboard,
    Limits,
    Number,
    Query,
    Row,
    graph,
    table,
)
from components.monitoring.dashboards.selectors import PLATFORM, by_node

POOL = "label_kubernetes_azure_com_agentpool"
POOLS = f'max by (node, {POOL}) (kube_node_labels{{{POOL}=~"$pool"}})'
NODES = 'count(kube_pod_info{namespace="concourse-workers"})'
IDLE = 'avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'
FREE = "max by (instance) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)"
BUILD_SECONDS = 'increase(concourse_builds_duration_seconds_sum{team=~"$team"}[$__range])'
ALL_BUILD_SECONDS = "increase(concourse_builds_duration_seconds_sum[$__range])"
NODE_HOURS = f"sum_over_time(({NODES})[$__range:5m]) / 12"
SHARE = f"sum by (team) ({BUILD_SECONDS}) / scalar(sum({ALL_BUILD_SECONDS}))"

VARIABLES = (
    Choice("pool", "Node pool", "Node pools of AKS", f"label_values(kube_node_labels, {POOL})"),
    Choice("team", "Team", "Teams of Concourse", "label_values(concourse_builds_finished, team)"),
    Number(
        "price",
        "Price of a node",
        "Price of a worker's node per hour, in any currency. Previews estimate a pool's costs.",
        "1",
    ),
)


def requested(resource: str) -> str:
    """Part of what nodes can give that pods have requested, by pool."""
    requests, allocatable = (
        f'max by ({labels}) ({metric}{{resource="{resource}"}})'
        for labels, metric in (
            ("namespace, pod, container, node", "kube_pod_container_resource_requests"),
            ("node", "kube_node_status_allocatable"),
        )
    )
    return (
        f"sum by ({POOL}) (sum by (node) ({requests}) * on (node) group_left ({POOL}) {POOLS})"
        f" / sum by ({POOL}) ({allocatable} * on (node) group_left ({POOL}) {POOLS})"
    )


CLUSTER = (
    graph(
        "Nodes of each pool",
        "short",
        "Nodes that exist. The autoscaler adds and removes them between the pool's limits.",
        Query(f"count by ({POOL}) ({POOLS})", f"{{{{{POOL}}}}}"),
        runbook="PodsUnschedulable",
        stacked=True,
    ),
    graph(
        "Pods without a node",
        "short",
        "Pods that fit on no node, by namespace. They wait for the autoscaler, or for a larger pool.",
        Query(f"sum by (namespace) (kube_pod_status_unschedulable{{{PLATFORM}}})", "{{namespace}}"),
        runbook="PodsUnschedulable",
    ),
    graph(
        "Requested processors",
        "percentunit",
        "Part of each pool's processors that pods have requested, which is what the scheduler counts.",
        Query(requested("cpu"), f"{{{{{POOL}}}}}"),
        limits=Limits(0.9),
        runbook="PodsUnschedulable",
    ),
    graph(
        "Requested memory",
        "percentunit",
        "Part of each pool's memory that pods have requested.",
        Query(requested("memory"), f"{{{{{POOL}}}}}"),
        limits=Limits(0.9),
        runbook="PodsUnschedulable",
    ),
    graph(
        "Used processors",
        "percentunit",
        "The ten busiest nodes.",
        Query(
            f"topk(10, {by_node(f'(1 - {IDLE})')})",
            "{{node}}",
        ),
        top=1,
    ),
    graph(
        "Used memory",
        "percentunit",
        "The ten fullest nodes.",
        Query(
            f"topk(10, {by_node(f'(1 - {FREE})')})",
            "{{node}}",
        ),
        runbook="ContainerOutOfMemory",
        top=1,
    ),
)
TEAMS = (
    table(
        "Cost by team",
        "short",
        "Hours of the workers' nodes in the time range times the price of a node, shared by build time.",
        f"sort_desc({SHARE} * scalar({NODE_HOURS}) * $price)",
        {"team": "Team", "Value": "Cost"},
        width=THIRD,
    ),
    table(
        "Build time by team",
        "h",
        "Sum of the durations of the builds that finished in the time range.",
        f"sort_desc(sum by (team) ({BUILD_SECONDS}) / 3600)",
        {"team": "Team", "Value": "Build time"},
        width=THIRD,
    ),
    table(
        "Share of the build time",
        "percentunit",
        "Part of all teams' build time in the time range.",
        f"sort_desc({SHARE})",
        {"team": "Team", "Value": "Share"},
        width=THIRD,
    ),
    graph(
        "Builds at a time",
        "short",
        "Mean number of running builds of each team in an hour: build time that finished, per hour.",
        Query(
            'sum by (team) (rate(concourse_builds_duration_seconds_sum{team=~"$team"}[1h]))',
            "{{team}}",
        ),
        stacked=True,
    ),
    graph(
        "Nodes of workers",
        "short",
        "Workers' pods, each of which has a node of its own.",
        Query(NODES, "nodes"),
    ),
)
GROWTH = (
    graph(
        "Series in Prometheus",
        "short",
        "Each Prometheus needs about 3 GiB of memory for a million.",
        Query("max by (pod) (prometheus_tsdb_head_series)", "{{pod}}"),
        runbook="ContainerOutOfMemory",
    ),
    graph(
        "Data on disks",
        "bytes",
        "Data on all persistent volumes, by namespace.",
        Query(
            "sum by (namespace) ("
            "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes)"
            " - min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes))",
            "{{namespace}}",
        ),
        runbook="grow-a-disk",
        stacked=True,
    ),
)
DASHBOARD = Dashboard(
    "capacity",
    "Capacity and cost by team",
    "How full the cluster is, and which team uses it.",
    (Row("Cluster", CLUSTER), Row("Teams", TEAMS), Row("Growth", GROWTH)),
    VARIABLES,
    since="now-7d",
)
