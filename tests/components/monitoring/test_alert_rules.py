"""Alerts: each has a runbook and asks for what there is; when they fire is for tests/conformance."""

import re
from pathlib import Path

import pytest
import yaml

from components.monitoring.alert_rules import FILES, rules
from deploy.smoke import CHECKS
from tests.support.known_metrics import asked_for, known
from tests.support.recorder import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
NOTICED = ROOT / "docs" / "what-is-noticed.md"
TESTS = ROOT / "tests" / "data" / "rules"
ALERTS = [
    (file, rule)
    for file, groups in rules("")
    for group in groups
    for rule in group["rules"]
    if "alert" in rule
]
each = pytest.mark.parametrize(("file", "rule"), ALERTS, ids=[rule["alert"] for _, rule in ALERTS])


@each
def test_an_alert_has_a_runbook_that_says_what_to_look_at_and_what_to_do(file, rule):
    path = rule["annotations"]["runbook_url"]
    assert path == f"docs/runbooks/{rule['alert']}.md"
    text = (ROOT / path).read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    for section in ("## Look", "## Do"):
        assert len(text.partition(section)[2].strip()) > 20, section


def test_a_runbook_of_an_alert_that_is_gone_goes_too():
    alerts = {rule["alert"] for _, rule in ALERTS}
    assert {file.stem for file in RUNBOOKS.glob("[A-Z]*.md")} - {"README"} == alerts


def test_links_in_runbooks_lead_somewhere():
    for file in (*RUNBOOKS.glob("[A-Z]*.md"), NOTICED):
        for part in file.read_text().split("](")[1:]:
            target = part.partition(")")[0].partition("#")[0]
            assert (file.parent / target).exists(), f"{file.name}: {target}"


@each
def test_an_alert_asks_for_metrics_that_somebody_exports(file, rule):
    assert asked_for(rule["expr"])
    assert asked_for(rule["expr"]) <= known()


@each
def test_an_alert_says_how_bad_it_is_and_what_it_means(file, rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_a_metric_that_nobody_exports_is_noticed():
    """Rules that others published used this one, which does not exist."""
    wanted = asked_for('max by (worker) (concourse_worker_heartbeat_age{team="a"}[5m]) > 0')
    assert wanted == {"concourse_worker_heartbeat_age"}
    assert not wanted & known()


def test_alerts_of_one_name_are_one_alert():
    names = [rule["alert"] for _, rule in ALERTS]
    assert len(set(names)) == len(names)


def test_links_lead_to_where_the_stack_has_the_repository():
    for _, groups in rules("https://git.example.org/cd/"):
        for group in groups:
            for rule in group["rules"]:
                start = "https://git.example.org/cd/docs/runbooks/"
                assert "alert" not in rule or rule["annotations"]["runbook_url"].startswith(start)


def test_what_smoke_is_said_to_notice_is_among_its_questions():
    rows = [row.split("|") for row in NOTICED.read_text().splitlines() if row.startswith("| ")]
    asked = {question for row in rows for question in re.findall('"(.+?)"', row[3])}
    assert asked
    assert asked <= CHECKS.keys()


def test_every_file_of_rules_has_a_test_of_its_own():
    tested = {
        Path(name).name
        for file in TESTS.glob("*.yaml")
        for name in yaml.safe_load(file.read_text())["rule_files"]
    }
    assert tested == {file.name for file in FILES.glob("*.yaml")}
