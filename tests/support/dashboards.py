"""Dashboards as Grafana gets them, and their queries with the variables filled in as Grafana does it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from components.monitoring.dashboards import DASHBOARDS
from components.monitoring.dashboards.grafana_json import to_json

RUNBOOKS = "https://git.example.org/cd/"
STEP = {"$__rate_interval": "2m", "$__range": "6h", "$__interval": "1m"}
"""What Grafana puts in for six hours at a scrape interval of 30 s."""


class Asked(NamedTuple):
    """A query of a panel, or of a dashboard's variable or annotation."""

    dashboard: str
    panel: str
    expr: str
    legend: str = ""


@cache
def boards() -> tuple[dict[str, Any], ...]:
    """All dashboards."""
    return tuple(json.loads(to_json(dashboard, RUNBOOKS)) for dashboard in DASHBOARDS)


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard without the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    """Every query to Prometheus in the panels and annotations."""
    for board in boards():
        for panel in panels(board):
            for target in panel["targets"]:
                if "expr" in target:
                    yield Asked(
                        board["title"], panel["title"], target["expr"], target.get("legendFormat", "")
                    )
        for line in board["annotations"]["list"]:
            yield Asked(board["title"], line["name"], line["target"]["expr"], line["textFormat"])


def filled(expr: str, values: dict[str, str]) -> str:
    """The query for values of the variables; a variable that is not given has all of its values."""
    for name, value in (STEP | {f"${key}": value for key, value in values.items()}).items():
        expr = re.sub(re.escape(name) + r"\b", lambda _, value=value: value, expr)
    return re.sub(r"\$(?!\d)\w+", ".*", expr)
