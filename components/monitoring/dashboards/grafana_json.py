"""Writes dashboards as Grafana stores them.

The keys are those of Grafana's dashboard schema (grafana.com/docs/grafana/latest/visualizations/dashboards/
build-dashboards/view-dashboard-json-model). A test reads them with the types of Grafana's SDK, which are
generated from that schema.
"""

import json
from collections.abc import Iterator
from typing import Any

from components.monitoring.dashboards.panels import (
    WIDTH,
    Choice,
    Dashboard,
    Limits,
    Number,
    Panel,
    Query,
    Row,
    Source,
)
from components.monitoring.dashboards.selectors import PLATFORM

Json = dict[str, Any]
SCHEMA_VERSION = 42
"""Version of the dashboard schema. Grafana migrates older ones when it reads them."""
TAG = "platform"
"""Tag of all dashboards, by which they link to each other."""
EVERYTHING = ".*"
REPLICA_SETS = f"""max by (namespace, owner_name, replicaset) (
  kube_replicaset_created{{{PLATFORM}}}
  * on (namespace, replicaset) group_left (owner_name)
  max by (namespace, replicaset, owner_name) (kube_replicaset_owner{{owner_kind="Deployment"}})
) * 1000"""
REVISIONS = f"""max by (namespace, statefulset, revision) (
  kube_statefulset_status_update_revision{{{PLATFORM}}}
)
unless max by (namespace, statefulset, revision) (kube_statefulset_status_update_revision offset 5m)
and on (namespace, statefulset) kube_statefulset_status_update_revision offset 5m"""
ROLLOUTS = {
    "Rollouts": (REPLICA_SETS, "{{namespace}}: Deployment {{owner_name}}", True),
    "Rollouts of StatefulSets": (REVISIONS, "{{namespace}}: StatefulSet {{statefulset}}", False),
}
"""Lines in all graphs, by name: the query, the text, and whether the value is the time in milliseconds. A new
ReplicaSet, or a new revision of a StatefulSet, is a new pod template."""


def to_json(dashboard: Dashboard, runbooks: str) -> str:
    """The dashboard as text. `runbooks` is the base URL of runbooks, or empty: then panels have no links."""
    others = {
        "title": "Dashboards",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": True,
        "keepTime": True,
    }
    whole = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,  # one cross hair in all graphs
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": dashboard.since, "to": "now"},
        "links": [others],
        "templating": {"list": [_variable(each) for each in dashboard.variables]},
        "annotations": {"list": [_annotation(name, *each) for name, each in ROLLOUTS.items()]},
        "panels": list(_placed(dashboard.rows, runbooks)),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _placed(rows: tuple[Row, ...], runbooks: str) -> Iterator[Json]:
    """Rows and panels from left to right, each with its place and number."""
    y = number = 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "gridPos": place,
            "collapsed": False,
            "panels": [],
        }
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            number += 1
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place, **_panel(panel, runbooks)}
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _panel(panel: Panel, runbooks: str) -> Json:
    """A panel with its queries."""
    link = {"title": "Runbook", "url": f"{runbooks}docs/runbooks/{panel.runbook}.md", "targetBlank": True}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _source(panel.source),
        "links": [link] if panel.runbook and runbooks else [],
        "targets": [
            {"refId": letter, "datasource": _source(panel.source), **_query(panel, query)}
            for letter, query in zip("ABCDEFGH", panel.queries, strict=False)
        ],
        "options": OPTIONS[panel.kind],
        "transformations": [_organized(panel)] if panel.columns else [],
        "fieldConfig": {"defaults": _field(panel), "overrides": _overrides(panel)},
    }


OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "value",
        "reduceOptions": {"calcs": ["lastNotNull"]},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "logs": {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True, "sortOrder": "Descending"},
}
"""Options of a kind of panel."""


def _field(panel: Panel) -> Json:
    """How values look."""
    found: Json = {"unit": panel.unit} if panel.unit else {}
    if panel.limits:
        found["thresholds"] = {"mode": "absolute", "steps": _steps(panel.limits)}
    if panel.names:
        shown = {str(value): {"text": text} for value, text in panel.names.items()}
        found["mappings"] = [{"type": "value", "options": shown}]
    if panel.kind == "timeseries":
        found["min"] = 0
        if panel.top is not None:
            found["max"] = panel.top
        found["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if panel.limits else "off"},
        }
    return found


def _steps(limits: Limits) -> list[Json]:
    """Grafana colours a value by the last step that it reaches."""
    if limits.low:
        steps = [
            (None, "orange" if limits.red is None else "red"),
            (limits.red, "orange"),
            (limits.orange, "green"),
        ]
    else:
        steps = [(None, "green"), (limits.orange, "orange"), (limits.red, "red")]
    both = limits.red in {None, limits.orange}
    if both:
        del steps[1 if limits.low or limits.red is not None else 2]
    return [{"value": value, "color": colour} for value, colour in steps]


def _organized(panel: Panel) -> Json:
    """A table's columns: which are shown, in which order, and their headings."""
    hidden = {"Time": True} | ({} if "Value" in panel.columns else {"Value": True})
    order = {label: index for index, label in enumerate(panel.columns)}
    names = dict(panel.columns)
    return {
        "id": "organize",
        "options": {"excludeByName": hidden, "indexByName": order, "renameByName": names},
    }


def _overrides(panel: Panel) -> list[Json]:
    """A table's limits colour its column of values."""
    if panel.kind != "table" or not panel.limits:
        return []
    coloured = {"id": "custom.cellOptions", "value": {"type": "color-text"}}
    return [{"matcher": {"id": "byName", "options": panel.columns["Value"]}, "properties": [coloured]}]


def _query(panel: Panel, query: Query) -> Json:
    if panel.source == "influxdb":
        return {
            "query": query.expr,
            "rawQuery": True,
            "resultFormat": "time_series",
            "alias": query.legend,
        }
    if panel.source == "elasticsearch":
        return _lucene(panel, query)
    if panel.kind == "timeseries":
        return {"expr": query.expr, "legendFormat": query.legend, "range": True, "instant": False}
    shape = "table" if panel.kind == "table" else "time_series"
    return {"expr": query.expr, "format": shape, "range": False, "instant": True}


def _lucene(panel: Panel, query: Query) -> Json:
    """Log lines, or their numbers over time for each value of the field that is the legend."""
    found: Json = {"query": query.expr, "timeField": "@timestamp"}
    if panel.kind == "logs":
        return found | {"metrics": [{"id": "1", "type": "logs"}], "bucketAggs": []}
    each = {
        "id": "2",
        "type": "terms",
        "field": query.legend,
        "settings": {"size": "10", "orderBy": "_count"},
    }
    time = {"id": "3", "type": "date_histogram", "field": "@timestamp", "settings": {"interval": "auto"}}
    return found | {"metrics": [{"id": "1", "type": "count"}], "bucketAggs": [each, time]}


def _variable(variable: Choice | Number) -> Json:
    found = {"name": variable.name, "label": variable.label, "description": variable.description}
    if isinstance(variable, Number):
        return found | {"type": "textbox", "query": variable.default}
    return found | {
        "type": "query",
        "datasource": _source("prometheus"),
        "query": variable.values,
        "refresh": 2,  # when the time range changes
        "sort": 1,  # by alphabet
        "multi": True,
        "includeAll": True,
        "allValue": EVERYTHING,
        "current": {"text": "All", "value": "$__all"},
    }


def _annotation(name: str, expr: str, text: str, value_is_time: bool) -> Json:  # noqa: FBT001 (a row of a table)
    return {
        "name": name,
        "datasource": _source("prometheus"),
        "enable": True,
        "iconColor": "orange",
        "target": {"refId": "Anno", "expr": expr, "range": True, "instant": False},
        "titleFormat": name,
        "textFormat": text,
        "useValueForTime": value_is_time,
    }


def _source(kind: Source) -> Json:
    """A data source of `grafana_values.DataSource`, whose identifier is its name in small letters."""
    return {"type": kind, "uid": kind}
