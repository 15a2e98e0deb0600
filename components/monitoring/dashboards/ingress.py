"""Traefik, and the services behind it."""

from components.monitoring.dashboards.panels import THIRD, Choice, Dashboard, Limits, Query, Row, graph

CHOSEN = 'service=~"$service"'

VARIABLES = (
    Choice(
        "service",
        "Service",
        "Services behind the ingress",
        "label_values(traefik_service_requests_total, service)",
    ),
)


def requests(labels: str, more: str = "") -> str:
    """Requests per second, by labels."""
    return f"sum by ({labels}) (rate(traefik_service_requests_total{{{CHOSEN}{more}}}[$__rate_interval]))"


FAILED = requests("service", ', code=~"5.."')
SERVICES = (
    graph(
        "Requests",
        "reqps",
        "Requests to each service.",
        Query(requests("service"), "{{service}}"),
        stacked=True,
    ),
    graph(
        "Requests that fail",
        "percentunit",
        "Part of the requests to a service that return 5xx.",
        Query(
            f"({FAILED} or 0 * {requests('service')}) / {requests('service')}",
            "{{service}}",
        ),
        limits=Limits(0.05),
        runbook="IngressErrors",
    ),
    graph(
        "Response time",
        "s",
        "95th percentile of each service, interpolated between Traefik's limits (0.1, 0.3, 1.2 and 5 s).",
        Query(
            "histogram_quantile(0.95, sum by (le, service) ("
            f"rate(traefik_service_request_duration_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))",
            "{{service}}",
        ),
        runbook="ConcourseApiSlow",
    ),
    graph(
        "Requests by status",
        "reqps",
        "Requests to the chosen services, by HTTP status.",
        Query(requests("code"), "{{code}}"),
        stacked=True,
    ),
)
TRAEFIK = (
    graph(
        "Pods of Traefik",
        "short",
        "Pods that Prometheus reaches.",
        Query('sum(up{namespace="ingress"})', "pods"),
        limits=Limits(1, low=True),
        runbook="IngressDown",
        width=THIRD,
    ),
    graph(
        "Open connections",
        "short",
        "Connections of clients, by entry point.",
        Query("sum by (entrypoint) (traefik_open_connections)", "{{entrypoint}}"),
        width=THIRD,
    ),
    graph(
        "Requests by entry point",
        "reqps",
        "`web` only redirects to `websecure`. What no service gets has no host or a wrong one.",
        Query(
            "sum by (entrypoint) (rate(traefik_entrypoint_requests_total[$__rate_interval]))",
            "{{entrypoint}}",
        ),
        width=THIRD,
    ),
)
DASHBOARD = Dashboard(
    "ingress",
    "Ingress",
    "Requests from outside the cluster, by service.",
    (Row("Services", SERVICES), Row("Traefik", TRAEFIK)),
    VARIABLES,
)
