"""A real Prometheus answers every query of the dashboards, for every value of their variables."""

import math
import re
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest
import yaml

from tests.conformance.draw_dashboards import drawing, rollouts
from tests.conformance.recorded_prometheus import numbers, recorded, result
from tests.conformance.recorded_series import SPAN, series
from tests.conformance.servers import tool
from tests.support.dashboards import asked, boards, filled, panels
from tests.support.known_metrics import asked_for, known, stored_labels

ASKED = list(asked())
END = int(time.time()) // 3600 * 3600
SVG_TEXT = "{http://www.w3.org/2000/svg}text"
each_board = pytest.mark.parametrize("board", boards(), ids=lambda board: board["uid"])


def test_promtool_parses_every_query(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": filled(query.expr, {"price": "2"})}
        for number, query in enumerate(ASKED)
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=none", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ASKED)} rules found" in done.stdout


def test_recorded_series_are_of_the_lists():
    for each in series(END):
        assert each.metric in known()
        labels = stored_labels(each.metric)
        assert labels is None or each.labels.keys() <= labels, each


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Asks a Prometheus that has the recorded series."""
    with recorded(tmp_path_factory.mktemp("prometheus"), END) as ask:
        yield ask


def choices(ask, board):
    """Each value of each variable alone, and all of them."""
    yield {"price": "2"}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
            match = {"match[]": filled(selector, {}), "start": END - SPAN, "end": END}
            values = ask(f"label/{label}/values", **match)
            assert values, f"${variable['name']} has no value"
            for value in values:
                yield {"price": "2", variable["name"]: re.escape(value).replace("\\", "\\\\")}


@each_board
def test_no_panel_is_empty(prometheus, board):
    for panel in panels(board):
        for target in panel["targets"]:
            if "expr" in target:
                found = list(numbers(result(prometheus, END, target, {"price": "2"})))
                assert not all(map(math.isnan, found)), f"{panel['title']}: {target['expr']}"


@each_board
def test_every_value_of_a_variable_shows_something(prometheus, board):
    for values in choices(prometheus, board):
        for variable in values.keys() - {"price"}:
            using = [
                target
                for panel in panels(board)
                for target in panel["targets"]
                if re.search(rf"\${variable}\b", target.get("expr", ""))
            ]
            shown = [any(numbers(result(prometheus, END, target, values))) for target in using]
            assert using == [] or any(shown), values


def test_rollouts_are_lines_at_their_times(prometheus):
    """A Deployment's is at the creation of its ReplicaSet, a StatefulSet's begins with its new revision."""
    assert rollouts(boards()[0], prometheus, END) == [END - SPAN / 2, END - 5000]


def test_a_drawing_says_that_it_is_one(prometheus):
    for board in boards():
        drawn = "\n".join(drawing(board, prometheus, END))
        texts = [each.text for each in ET.fromstring(drawn).iter(SVG_TEXT)]
        assert "a drawing of invented series, not Grafana" in texts[0]
        assert {panel["title"] for panel in panels(board)} <= set(texts)


@each_board
def test_values_are_in_the_unit_of_their_panel(prometheus, board):
    for panel in panels(board):
        unit = panel["fieldConfig"]["defaults"].get("unit")
        for target in panel["targets"]:
            if "expr" in target:
                found = numbers(result(prometheus, END, target, {"price": "2"}))
                values = [each for each in found if not math.isnan(each)]
                low, high = PLAUSIBLE[unit]
                assert all(low <= each <= high for each in values), f"{panel['title']}: {max(values)} {unit}"


YEARS = 20 * 365 * 86400
PLAUSIBLE = {
    "percentunit": (0, 1),
    "s": (-YEARS, YEARS),
    "ms": (0, 60_000),
    "dateTimeFromNow": (1000 * (END - YEARS), 1000 * (END + 1)),
    "bytes": (1_000, 1e13),
    "d": (0, 60),
    "h": (0, 10_000),
    "none": (0, 2),
    "short": (0, 1_000_000),
    **dict.fromkeys(("cps", "cpm", "ops", "reqps", "wps"), (0, 10_000)),
}
"""What a value of a unit can be in the recorded series."""


def test_a_query_of_a_metric_that_nobody_exports_would_be_found_empty(prometheus):
    assert prometheus("query", query="concourse_worker_heartbeat_age", time=END)["result"] == []
    assert asked_for("concourse_worker_heartbeat_age") - known()
