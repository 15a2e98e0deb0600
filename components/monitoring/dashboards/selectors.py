"""PromQL that several dashboards share."""

PLATFORM = 'namespace!~"kube-system|default|aks-.*|.*-system"'
"""Namespaces that are not Kubernetes' or Azure's own, as in the alert ServiceDown."""
API_SECONDS = (
    'concourse_http_responses_duration_seconds_bucket{route!~"BuildEvents|GetArtifact|StreamIn|StreamOut"}'
)
"""Response times of Concourse's API without routes that take as long as a build, as in ConcourseApiSlow."""
WORKERS = "cluster:concourse_workers_registered:max"
"""Workers by state, recorded by alerts/concourse.yaml."""


def by_pod(metric: str) -> str:
    """The metric with the worker's pod as `worker`. A worker's name is that of its pod, and the pod's UID."""
    return f'label_replace({metric}, "worker", "$1", "worker", "(.+?)-[0-9a-f-]{{36}}")'


def disk_used(selector: str = "") -> str:
    """Used part of each persistent volume."""
    free, size = (
        f"by (namespace, persistentvolumeclaim) (kubelet_volume_stats_{what}_bytes{{{selector}}})"
        for what in ("available", "capacity")
    )
    return f"1 - min {free} / max {size}"


def by_node(expression: str) -> str:
    """Values by `instance`, an address with node exporter's port, as values by `node`."""
    address = '"instance", "$1:9100", "internal_ip", "(.+)"'
    nodes = f"max by (node, instance) (label_replace(kube_node_info, {address}))"
    return f"max by (node) ({expression} * on (instance) group_left (node) {nodes})"
