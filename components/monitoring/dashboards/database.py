"""PostgreSQL as Concourse sees it. Its server's own metrics are in Azure Monitor."""

from components.monitoring.dashboards.panels import Choice, Dashboard, Limits, Query, Row, graph
from components.monitoring.dashboards.selectors import API_SECONDS

CHOSEN = 'pod=~"$pod"'
COLLECTORS = ("build", "container", "resource_cache", "volume", "worker")

VARIABLES = (Choice("pod", "Web node", "Pods of web nodes", "label_values(concourse_db_connections, pod)"),)
CONNECTIONS = (
    graph(
        "Database connections of each web node",
        "short",
        "A node has 50 for `backend`. When all are in use, it stops working.",
        Query(f"max by (pod, dbname) (concourse_db_connections{{{CHOSEN}}})", "{{pod}} {{dbname}}"),
        limits=Limits(40, 50),
        runbook="ConcourseDatabasePoolFull",
    ),
    graph(
        "Queries",
        "ops",
        "Queries of each web node. More web nodes share them.",
        Query(f"sum by (pod) (rate(concourse_db_queries_total{{{CHOSEN}}}[$__rate_interval]))", "{{pod}}"),
    ),
    graph(
        "Locks",
        "short",
        "Locks that web nodes hold, by type. One that is held for hours stops a part of Concourse.",
        Query(f"sum by (type) (concourse_locks_held{{{CHOSEN}}})", "{{type}}"),
        runbook="ConcourseChecksStopped",
    ),
    graph(
        "API response time",
        "s",
        "95th percentile of each web node. If it rises on all nodes with few queries, the server is slow.",
        Query(
            "histogram_quantile(0.95, sum by (le, pod) (rate("
            + API_SECONDS.replace("{", f"{{{CHOSEN}, ")
            + "[$__rate_interval])))",
            "{{pod}}",
        ),
        limits=Limits(2),
        runbook="ConcourseApiSlow",
    ),
)
WORK = (
    graph(
        "Garbage collection",
        "s",
        "Mean time of a run, by collector. It rises with the size of the tables.",
        *(
            Query(
                f"sum(rate(concourse_gc_gc_{each}_collector_duration_sum{{{CHOSEN}}}[15m]))"
                f" / sum(rate(concourse_gc_gc_{each}_collector_duration_count{{{CHOSEN}}}[15m]))",
                each.replace("_", " "),
            )
            for each in COLLECTORS
        ),
    ),
    graph(
        "Jobs scheduled",
        "cpm",
        "Jobs that web nodes looked at to start builds, per minute.",
        Query(f"60 * sum by (pod) (rate(concourse_jobs_scheduled_total{{{CHOSEN}}}[5m]))", "{{pod}}"),
        runbook="ConcourseSchedulerFailing",
    ),
)
DASHBOARD = Dashboard(
    "database",
    "Database",
    "PostgreSQL as Concourse sees it. Azure's portal has the server's processor, storage and IO.",
    (Row("Connections and queries", CONNECTIONS), Row("Work in the database", WORK)),
    VARIABLES,
)
