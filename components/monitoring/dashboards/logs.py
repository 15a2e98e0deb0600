"""The way of logs: fluent-bit, Elasticsearch, ElastAlert; and the lines themselves."""

from components.monitoring.dashboards.panels import (
    THIRD,
    Choice,
    Dashboard,
    Limits,
    Query,
    Row,
    graph,
    lines,
    logs,
)
from components.monitoring.dashboards.selectors import disk_used

PODS = 'namespace="logging"'

VARIABLES = (
    Choice(
        "namespace", "Namespace", "Namespaces of the lines below", "label_values(kube_pod_info, namespace)"
    ),
)
AGENTS = (
    graph(
        "Lines read and delivered",
        "cps",
        "Lines that fluent-bit read on all nodes, and those that Elasticsearch accepted.",
        Query("sum(rate(fluentbit_input_records_total[$__rate_interval]))", "read"),
        Query("sum(rate(fluentbit_output_proc_records_total[$__rate_interval]))", "delivered"),
        runbook="LogsDropped",
    ),
    graph(
        "Lines lost",
        "cpm",
        "Lines that fluent-bit gave up, by pod. It repeats without limit, until its buffer is full.",
        Query("60 * sum by (pod) (rate(fluentbit_output_dropped_records_total[5m]))", "{{pod}}"),
        runbook="LogsDropped",
    ),
    graph(
        "Repeated deliveries",
        "cpm",
        "Chunks that fluent-bit sends again because Elasticsearch did not accept them, by pod.",
        Query("60 * sum by (pod) (rate(fluentbit_output_retries_total[5m]))", "{{pod}}"),
        runbook="LogsDropped",
        width=THIRD,
    ),
    graph(
        "Nodes of Elasticsearch",
        "short",
        "Ready nodes, and those that there should be.",
        Query(f"sum(kube_statefulset_status_replicas_ready{{{PODS}}})", "ready"),
        Query(f"sum(kube_statefulset_replicas{{{PODS}}})", "wanted"),
        runbook="ElasticsearchShortOfNodes",
        width=THIRD,
    ),
    graph(
        "Disks of Elasticsearch",
        "percentunit",
        "At 85 % a node gets no new shards, at 95 % its indices can no longer be written.",
        Query(disk_used(PODS), "{{persistentvolumeclaim}}"),
        limits=Limits(0.85, 0.95),
        runbook="VolumeFilling",
        width=THIRD,
        top=1,
    ),
    graph(
        "Matches of ElastAlert's rules",
        "short",
        "Matches in an hour, by rule. Not every match is a message: a rule is silent for a time after one.",
        Query("sum by (rule_name) (increase(elastalert_matches_total[1h]))", "{{rule_name}}"),
    ),
    graph(
        "Errors of ElastAlert",
        "short",
        "Errors in 15 minutes. While ElastAlert cannot ask Elasticsearch, no rule fires.",
        Query("sum(increase(elastalert_errors_total[15m]))", "errors"),
        limits=Limits(1),
        runbook="ElasticsearchShortOfNodes",
    ),
)
CHOSEN = "kubernetes.namespace_name:${namespace:lucene}"
LINES = (
    lines(
        "Lines by namespace",
        "short",
        "Lines of containers' logs, by namespace.",
        CHOSEN,
        "kubernetes.namespace_name",
    ),
    lines(
        "Errors by container",
        "short",
        "Lines whose field `level` is `error` or `fatal`, by container.",
        f"{CHOSEN} AND fields.level:(error OR fatal)",
        "kubernetes.container_name",
    ),
    logs(
        "Newest errors",
        "Lines whose field `level` is `error` or `fatal`. Not every program writes this field.",
        f"{CHOSEN} AND fields.level:(error OR fatal)",
        width=24,
        height=10,
    ),
)
DASHBOARD = Dashboard(
    "logs",
    "Logs",
    "Whether logs reach Elasticsearch, and the errors among them. Kibana searches all of them.",
    (Row("Do logs arrive?", AGENTS), Row("What do they say?", LINES)),
    VARIABLES,
    part="logging",
)
