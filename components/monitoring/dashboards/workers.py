"""Concourse's workers, and the disks of everything."""

from components.monitoring.dashboards.panels import (
    Choice,
    Dashboard,
    Limits,
    Query,
    Row,
    graph,
    table,
)
from components.monitoring.dashboards.selectors import WORKERS, by_node, by_pod, disk_used

PODS = 'namespace="concourse-workers", pod=~"$pod"'
CHOSEN = 'worker=~"($pod)-.*"'
CLAIMS = 'namespace=~"$namespace"'
NODE_DISK = '1 - node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"}'
COLLECTED = ("creating", "created", "destroying", "failed")

VARIABLES = (
    Choice(
        "pod", "Worker", "Pods of workers", 'label_values(kube_pod_info{namespace="concourse-workers"}, pod)'
    ),
    Choice(
        "namespace",
        "Namespace",
        "Namespaces with disks",
        "label_values(kubelet_volume_stats_capacity_bytes, namespace)",
    ),
)


def each(metric: str) -> Query:
    """The metric of each worker. The web node that saw it last may be gone: the highest of all is shown."""
    return Query(f"max by (worker) ({by_pod(f'sum by (pod, worker) ({metric}{{{CHOSEN}}})')})", "{{worker}}")


LOAD = (
    graph(
        "Workers by state",
        "short",
        "`stalled` workers have stopped sending heartbeats; `landing` and `retiring` ones are shutting down.",
        Query(WORKERS, "{{state}}"),
        runbook="ConcourseWorkerStalled",
        stacked=True,
    ),
    graph(
        "Containers of each worker",
        "short",
        "A worker accepts no more than 250 containers.",
        each("concourse_workers_containers"),
        limits=Limits(200, 250),
        runbook="ConcourseWorkerContainersHigh",
    ),
    graph(
        "Processor time of each worker",
        "short",
        "Processors that the worker's pod uses, with its builds.",
        Query(
            f'sum by (pod) (rate(container_cpu_usage_seconds_total{{{PODS}, container!=""}}'
            "[$__rate_interval]))",
            "{{pod}}",
        ),
    ),
    graph(
        "Memory of each worker",
        "bytes",
        "Memory that the worker's pod cannot give back, with its builds.",
        Query(f'sum by (pod) (container_memory_working_set_bytes{{{PODS}, container!=""}})', "{{pod}}"),
        runbook="ContainerOutOfMemory",
    ),
)
VOLUMES = (
    graph(
        "Volumes of each worker",
        "short",
        "Inputs, outputs, images and caches of builds.",
        each("concourse_workers_volumes"),
    ),
    graph(
        "Unknown volumes",
        "short",
        "Volumes on a worker that Concourse does not know. They are not removed while their number grows.",
        each("concourse_workers_unknown_volumes"),
        limits=Limits(50),
        runbook="ConcourseUnknownVolumes",
    ),
    graph(
        "Volumes streamed",
        "cpm",
        "Volumes copied between workers, per minute. Many copies slow builds down.",
        Query("60 * sum(rate(concourse_volumes_volumes_streamed[5m]))", "all"),
        Query("60 * sum(rate(concourse_volumes_volumes_streamed_via_fallback[5m]))", "through a web node"),
    ),
    graph(
        "Containers to be removed",
        "short",
        "What the garbage collector found in its last run, by state.",
        *(
            Query(f"max(concourse_gc_{state}_containers_to_be_garbage_collected)", state)
            for state in COLLECTED
        ),
    ),
)
DISKS = (
    table(
        "Disks",
        "percentunit",
        "Used part of each persistent volume, the fullest first.",
        f"sort_desc({disk_used(CLAIMS)})",
        {"namespace": "Namespace", "persistentvolumeclaim": "Claim", "Value": "Used"},
        limits=Limits(0.85, 0.95),
        runbook="grow-a-disk",
    ),
    graph(
        "Disks over time",
        "percentunit",
        "The ten fullest persistent volumes.",
        Query(f"topk(10, {disk_used(CLAIMS)})", "{{namespace}}: {{persistentvolumeclaim}}"),
        limits=Limits(0.85, 0.95),
        runbook="VolumeFilling",
        top=1,
    ),
    graph(
        "Days until a disk is full",
        "d",
        "At the rate of the last six hours. Disks that do not grow are not shown.",
        Query(
            "min by (namespace, persistentvolumeclaim) ("
            f"kubelet_volume_stats_available_bytes{{{CLAIMS}}}"
            f" / (deriv(kubelet_volume_stats_available_bytes{{{CLAIMS}}}[6h]) < 0) / -86400 < 60)",
            "{{namespace}}: {{persistentvolumeclaim}}",
        ),
        limits=Limits(14, 4, low=True),
        runbook="VolumeFilling",
    ),
    graph(
        "Nodes' own disks",
        "percentunit",
        "The ten fullest, by node exporter. Workers whose `workers.volume` is `node` keep volumes there.",
        Query(
            f"topk(10, {by_node(f'max by (instance) ({NODE_DISK})')})",
            "{{node}}",
        ),
        limits=Limits(0.85, 0.95),
        top=1,
    ),
)
DASHBOARD = Dashboard(
    "workers",
    "Workers and volumes",
    "Load of Concourse's workers, their volumes, and all disks.",
    (Row("Load", LOAD), Row("Volumes of builds", VOLUMES), Row("Disks", DISKS)),
    VARIABLES,
)
