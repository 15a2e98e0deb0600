"""Alert rules: runbooks, metrics and labels. tests/conformance tests when they fire."""

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
def test_every_alert_has_a_runbook_with_both_sections(file, rule):
    path = rule["annotations"]["runbook_url"]
    assert path == f"docs/runbooks/{rule['alert']}.md"
    text = (ROOT / path).read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    for section in ("## Look", "## Do"):
        assert len(text.partition(section)[2].strip()) > 20, section


def test_every_runbook_belongs_to_an_alert():
    alerts = {rule["alert"] for _, rule in ALERTS}
    assert {file.stem for file in RUNBOOKS.glob("[A-Z]*.md")} - {"README"} == alerts


@each
def test_an_alert_uses_exported_metrics_only(file, rule):
    assert asked_for(rule["expr"])
    assert asked_for(rule["expr"]) <= known()


@each
def test_an_alert_has_a_severity_a_summary_and_a_description(file, rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_an_unknown_metric_is_found():
    """This metric appears in published rules, but Concourse does not export it."""
    wanted = asked_for('max by (worker) (concourse_worker_heartbeat_age{team="a"}[5m]) > 0')
    assert wanted == {"concourse_worker_heartbeat_age"}
    assert not wanted & known()


def test_alert_names_are_unique():
    names = [rule["alert"] for _, rule in ALERTS]
    assert len(set(names)) == len(names)


def test_runbook_links_start_with_the_base_url_of_the_setting():
    for _, groups in rules("https://git.example.org/cd/"):
        for group in groups:
            for rule in group["rules"]:
                start = "https://git.example.org/cd/docs/runbooks/"
                assert "alert" not in rule or rule["annotations"]["runbook_url"].startswith(start)


def test_the_smoke_checks_in_the_docs_exist():
    rows = [row.split("|") for row in NOTICED.read_text().splitlines() if row.startswith("| ")]
    documented = {check for row in rows for check in re.findall('"(.+?)"', row[3])}
    assert documented
    assert documented <= CHECKS.keys()


def test_every_rules_file_has_a_promtool_test():
    tested = {
        Path(name).name
        for file in TESTS.glob("*.yaml")
        for name in yaml.safe_load(file.read_text())["rule_files"]
    }
    assert tested == {file.name for file in FILES.glob("*.yaml")}
