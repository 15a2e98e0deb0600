"""All dashboards, and which of them a stack has."""

from collections.abc import Collection, Iterator

from components.monitoring.dashboards import (
    capacity,
    concourse,
    database,
    expiry,
    ingress,
    logs,
    nodes,
    overview,
    secrets,
    workers,
)
from components.monitoring.dashboards.panels import Dashboard

DASHBOARDS = tuple(
    module.DASHBOARD
    for module in (
        overview,
        concourse,
        workers,
        database,
        secrets,
        logs,
        ingress,
        expiry,
        capacity,
        nodes,
    )
)


def without(left_out: Collection[str]) -> Iterator[Dashboard]:
    """The dashboards of a stack without these parts, each with the panels that have something to show."""
    for dashboard in DASHBOARDS:
        if dashboard.part in left_out:
            continue
        rows = (
            row._replace(panels=tuple(panel for panel in row.panels if panel.part not in left_out))
            for row in dashboard.rows
        )
        yield dashboard._replace(rows=tuple(row for row in rows if row.panels))
