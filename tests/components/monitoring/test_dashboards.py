"""Dashboards: metrics, labels, units and runbooks that exist, and Grafana's schema."""

import json
import re
import warnings

import pytest

from components.kubernetes.parts import PARTS
from components.monitoring.dashboards import DASHBOARDS, without
from components.monitoring.dashboards.grafana_json import to_json
from components.monitoring.dashboards.panels import Limits, Query, graph
from tests.support.dashboards import RUNBOOKS, asked, boards, panels
from tests.support.known_metrics import asked_for, known, unknown_labels
from tests.support.recorder import ROOT

with warnings.catch_warnings():
    # Grafana 12 has a second schema, which the SDK recommends. Files in ConfigMaps have the first.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models import units

plugins.register_default_plugins()  # the types of each kind of panel and query
SOURCES = {"prometheus", "influxdb", "elasticsearch"}
UNITS = {unit for unit in vars(units).values() if isinstance(unit, str)}
PANELS = [(board, panel) for board in boards() for panel in panels(board)]
ASKED = list(asked())
FIELDS = {
    "kubernetes.namespace_name",
    "kubernetes.container_name",
    "fields.level",
    "@timestamp",
}
"""Fields of log lines that exist: fluent-bit's filter `kubernetes` writes the first two
(docs.fluentbit.io/manual/pipeline/filters/kubernetes), programs the field below `fields`."""
MEBIBYTE = 1 << 20
each_board = pytest.mark.parametrize("board", boards(), ids=lambda board: board["uid"])
each_panel = pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{board['uid']}-{panel['title']}" for board, panel in PANELS]
)
each_query = pytest.mark.parametrize("query", ASKED, ids=lambda each: f"{each.dashboard}-{each.panel}")


def lost(before, after, path=""):
    """Paths of what is no longer there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from lost(value, after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, value in enumerate(before):
            yield from lost(value, after[index], f"{path}[{index}]")
    elif before != after:
        yield path


@each_query
def test_a_query_asks_for_metrics_that_exist(query):
    assert asked_for(query.expr)
    assert asked_for(query.expr) <= known()


@each_query
def test_a_query_uses_labels_that_its_metrics_have(query):
    assert unknown_labels(query.expr) == set()


@each_query
def test_a_legend_shows_labels_that_the_query_leaves(query):
    shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
    left = set(re.findall(r"\w+", " ".join(re.findall(r"\b(?:by|group_left) \(([^)]*)\)", query.expr))))
    assert shown <= left | ({"state"} if query.expr.startswith("cluster:") else set())


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ('sum by (worker) (concourse_workers_volumes{team="a"})', set()),
        ('sum by (pod) (concourse_workers_volumes{zone="a"})', {"zone"}),
        ("sum by (node) (concourse_workers_volumes)", {"node"}),
        ("sum by (exported_job) (concourse_builds_finished)", set()),
        ('sum(concourse_builds_finished{result="failed"})', {"result"}),
        ('sum by (a) (label_replace(up, "a", "$1", "pod", "(.+)"))', set()),
        ("kube_pod_info * on (uid) group_left kube_pod_labels", {"uid"}),
    ],
)
def test_a_label_that_a_metric_does_not_have_is_found(expr, wrong):
    assert unknown_labels(expr) == wrong


@each_panel
def test_a_panel_says_what_it_shows_in_which_unit(board, panel):
    assert panel["title"]
    assert panel["description"].endswith(".")
    if panel["type"] != "logs":
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@each_panel
def test_a_panel_asks_a_data_source_that_exists(board, panel):
    assert panel["datasource"]["uid"] == panel["datasource"]["type"]
    assert panel["datasource"]["uid"] in SOURCES
    assert panel["targets"]


@each_panel
def test_a_panel_links_to_a_runbook_that_exists(board, panel):
    for link in panel.get("links", ()):
        assert link["url"].startswith(RUNBOOKS)
        assert (ROOT / link["url"].removeprefix(RUNBOOKS)).is_file()


def test_every_alert_of_the_overview_leads_to_a_runbook():
    [overview] = [board for board in boards() if board["uid"] == "overview"]
    assert all(panel.get("links") for panel in panels(overview) if panel["type"] == "stat")


def test_without_a_base_url_there_are_no_links_that_lead_nowhere():
    for dashboard in DASHBOARDS:
        assert "docs/runbooks" not in to_json(dashboard, "")


@each_panel
def test_log_queries_use_fields_that_lines_have(board, panel):
    if panel["datasource"]["uid"] != "elasticsearch":
        return
    for target in panel["targets"]:
        used = set(re.findall(r"([\w.]+):", re.sub(r"\$\{[^}]*\}", "", target["query"])))
        used |= {each["field"] for each in target["bucketAggs"]}
        assert used
        assert used <= FIELDS


@each_panel
def test_measurements_of_telegraf_exist(board, panel):
    for target in panel["targets"] if panel["datasource"]["uid"] == "influxdb" else ():
        assert re.search(r'FROM "(cpu|mem|disk|system|net|processes)"', target["query"])


@each_board
def test_variables_are_used_and_those_used_exist(board):
    text = json.dumps([*panels(board), board["templating"]])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text)) - {"timeFilter", "tag_host"}
    assert used == {variable["name"] for variable in board["templating"].get("list", ())}


@each_board
def test_variables_offer_labels_that_exist(board):
    for variable in board["templating"].get("list", ()):
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
            assert asked_for(metric) <= known()
            assert unknown_labels(f"sum by ({label}) ({metric})") == set()


@each_board
def test_panels_do_not_overlap_and_stay_on_the_grid(board):
    cells = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered
        cells |= covered
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


@each_board
def test_grafanas_own_types_read_a_dashboard_and_write_the_same(board):
    """Grafana's SDK is generated from its schema: keys that it does not know are lost, defaults are added."""
    assert list(lost(board, json.loads(JSONEncoder().encode(model.Dashboard.from_json(board))))) == []


def test_a_key_that_grafana_does_not_know_is_found():
    [board, *_] = json.loads(json.dumps(boards()))
    board["panels"][1]["colour"] = "red"
    board["panels"][1]["options"]["coloring"] = "background"
    again = json.loads(JSONEncoder().encode(model.Dashboard.from_json(board)))
    assert list(lost(board, again)) == [".panels[1].options.coloring", ".panels[1].colour"]


@each_board
def test_a_dashboard_fits_into_a_config_map(board):
    """Kubernetes accepts 1 MiB (kubernetes.io/docs/concepts/configuration/configmap)."""
    assert len(json.dumps(board, indent=1).encode()) < MEBIBYTE / 4


def test_titles_are_unique():
    assert len({board["title"] for board in boards()}) == len(boards())
    for board in boards():
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles)


def test_every_graph_shows_rollouts():
    for board in boards():
        assert [line["name"] for line in board["annotations"]["list"]] == [
            "Rollouts",
            "Rollouts of StatefulSets",
        ]
        assert all(line["enable"] for line in board["annotations"]["list"])


def test_a_part_that_is_left_out_has_no_dashboards_and_no_panels():
    left = list(without(PARTS))
    assert {each.uid for each in DASHBOARDS} - {each.uid for each in left} == {"secrets", "logs", "nodes"}
    text = "".join(to_json(each, RUNBOOKS) for each in left)
    for name in ("vault_", "consul_", "kube_cronjob", "fluentbit", "elastalert", "influxdb"):
        assert name not in text
    assert len(list(without(()))) == len(DASHBOARDS)


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        (Limits(200, 250), [(None, "green"), (200, "orange"), (250, "red")]),
        (Limits(2), [(None, "green"), (2, "orange")]),
        (Limits(1, 1), [(None, "green"), (1, "red")]),
        (Limits(21, 7, low=True), [(None, "red"), (7, "orange"), (21, "green")]),
        (Limits(1, 1, low=True), [(None, "red"), (1, "green")]),
        (Limits(1, low=True), [(None, "orange"), (1, "green")]),
    ],
)
def test_a_value_has_the_colour_of_its_limits(limits, steps):
    row = DASHBOARDS[0].rows[0]._replace(panels=(graph("A", "short", "A.", Query("up"), limits=limits),))
    [panel] = panels(json.loads(to_json(DASHBOARDS[0]._replace(rows=(row,)), "")))
    found = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["value"], step["color"]) for step in found] == steps
