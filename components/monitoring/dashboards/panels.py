"""What a dashboard shows, in this program's words. `grafana_json.py` writes it as Grafana stores it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypedDict, Unpack

Source = Literal["prometheus", "influxdb", "elasticsearch"]
Unit = Literal[
    "",
    "Bps",
    "bytes",
    "cpm",  # counts per minute
    "cps",
    "d",
    "dateTimeFromNow",
    "h",
    "ms",
    "none",
    "ops",
    "percent",  # 0 to 100
    "percentunit",  # 0 to 1
    "reqps",
    "s",
    "short",
    "wps",
]
"""Ids of Grafana's units."""
Kind = Literal["timeseries", "stat", "table", "logs"]
WIDTH = 24
"""Columns of Grafana's grid."""
HALF, THIRD, QUARTER = WIDTH // 2, WIDTH // 3, WIDTH // 4


class Query(NamedTuple):
    """A query in the language of its data source, and how its series are named."""

    expr: str
    legend: str = ""
    """Name of each series; `{{label}}` is the value of a label. In
    Elasticsearch the field by which they differ."""


class Limits(NamedTuple):
    """The values from which a panel is orange and red. They are those of the alerts."""

    orange: float
    red: float | None = None
    low: bool = False
    """Whether lower values are worse."""


class Panel(NamedTuple):
    """One panel."""

    kind: Kind
    title: str
    unit: Unit
    """Unit of all values, or none for lines of text."""
    description: str
    queries: tuple[Query, ...]
    source: Source = "prometheus"
    limits: Limits | None = None
    runbook: str = ""
    """Name of a page in docs/runbooks."""
    part: str = ""
    """The optional part without which there is nothing to show."""
    width: int = HALF
    height: int = 8
    stacked: bool = False
    """Whether the areas of a graph are on top of each other."""
    top: float | None = None
    """Upper end of a graph's axis, by default that of the values."""
    names: Mapping[int, str] = {}
    """Texts that are shown in place of values."""
    columns: Mapping[str, str] = {}
    """Headings of a table's columns, by label. `Value` is the value."""


class Options(TypedDict, total=False):
    """Fields of a panel that have a default."""

    limits: Limits
    runbook: str
    part: str
    width: int
    height: int
    stacked: bool
    top: float
    names: Mapping[int, str]


def graph(title: str, unit: Unit, description: str, *queries: Query, **options: Unpack[Options]) -> Panel:
    """Values over time."""
    return Panel("timeseries", title, unit, description, queries, **options)


def stat(title: str, unit: Unit, description: str, expr: str, **options: Unpack[Options]) -> Panel:
    """One value, now, on its colour."""
    options.setdefault("width", 3)
    options.setdefault("height", 4)
    return Panel("stat", title, unit, description, (Query(expr),), **options)


def table(
    title: str,
    unit: Unit,
    description: str,
    expr: str,
    columns: Mapping[str, str],
    **options: Unpack[Options],
) -> Panel:
    """A row for each series, now. `columns` are headings by label, and `Value` is the value."""
    return Panel("table", title, unit, description, (Query(expr),), columns=columns, **options)


def influx(title: str, unit: Unit, description: str, query: str) -> Panel:
    """Values over time, by InfluxQL."""
    return Panel("timeseries", title, unit, description, (Query(query, "$tag_host"),), "influxdb")


def lines(title: str, unit: Unit, description: str, lucene: str, field: str) -> Panel:
    """Numbers of log lines over time, by a field."""
    return Panel(
        "timeseries", title, unit, description, (Query(lucene, field),), "elasticsearch", stacked=True
    )


def logs(title: str, description: str, lucene: str, **options: Unpack[Options]) -> Panel:
    """Lines of containers' logs."""
    return Panel("logs", title, "", description, (Query(lucene),), "elasticsearch", **options)


class Row(NamedTuple):
    """Panels below a heading."""

    title: str
    panels: tuple[Panel, ...]


class Choice(NamedTuple):
    """A variable whose values are those of a label: one, several, or all, which is the default."""

    name: str
    label: str
    description: str
    values: str
    """Grafana's function `label_values`."""


class Number(NamedTuple):
    """A variable that people type."""

    name: str
    label: str
    description: str
    default: str


class Dashboard(NamedTuple):
    """One dashboard."""

    uid: str
    """Identifier in Grafana's URLs, which must stay."""
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Choice | Number, ...] = ()
    part: str = ""
    """The optional part that it is about."""
    since: str = "now-6h"
    """Time range at first."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels."""
        return tuple(panel for row in self.rows for panel in row.panels)
