"""Nodes as Telegraf measures them, kept longer than Prometheus' metrics."""

from components.monitoring.dashboards.panels import Dashboard, Limits, Panel, Row, Unit, influx


def mean(title: str, unit: Unit, description: str, value: str, where: str = "") -> Panel:
    """A value of each node."""
    measurement, _, field = value.partition(" ")
    return influx(
        title,
        unit,
        description,
        f'SELECT {field} FROM "{measurement}" WHERE $timeFilter{where} '  # noqa: S608 (our own words)
        'GROUP BY time($__interval), "host" fill(none)',
    )


PANELS = (
    mean("Used processors", "percent", "All processors of a node.", 'cpu mean("usage_active")'),
    mean("Used memory", "percent", "Memory that is not available.", 'mem mean("used_percent")'),
    mean("Fullest disk", "percent", "The fullest disk of a node.", 'disk max("used_percent")')._replace(
        limits=Limits(85, 95)
    ),
    mean("Load", "short", "Processes that run or wait, mean of 5 minutes.", 'system mean("load5")'),
    mean(
        "Received data",
        "Bps",
        "Data that the node received through its first network interface.",
        'net non_negative_derivative(mean("bytes_recv"), 1s)',
        " AND \"interface\" = 'eth0'",
    ),
    mean("Processes", "short", "All processes of a node.", 'processes mean("total")'),
)
DASHBOARD = Dashboard(
    "nodes",
    "Nodes, by Telegraf",
    "Nodes over months: InfluxDB keeps these measurements longer than Prometheus keeps its metrics.",
    (Row("Each node", PANELS),),
    part="influxdb",
    since="now-7d",
)
