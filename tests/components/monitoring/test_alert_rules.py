"""Alert rules: runbooks, metrics and labels. tests/conformance tests when they fire."""

import re
from pathlib import Path

import pytest
import yaml

from components.monitoring.alert_rules import rules
from deploy.smoke import CHECKS
from tests.support.known_metrics import asked_for, exporters, known
from tests.support.recorder import GOLDEN, ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
NOTICED = ROOT / "docs" / "what-is-noticed.md"
TESTS = ROOT / "tests" / "data" / "rules"
RULES = [(file, rule) for file, groups in rules("") for group in groups for rule in group["rules"]]
ALERTS = [(file, rule) for file, rule in RULES if "alert" in rule]
RECORDED = {(file, rule["record"]): asked_for(rule["expr"]) for file, rule in RULES if "record" in rule}
CASES = [
    (case, {Path(name).name for name in content["rule_files"]})
    for content in (yaml.safe_load(file.read_text()) for file in sorted(TESTS.glob("*.yaml")))
    for case in content["tests"]
]
SERIES = {entry["series"] for case, _ in CASES for entry in case["input_series"]}
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
def needed(rule, file):
    """Metrics of an expression, and those of the recording rules that it uses."""
    return set().union(*(RECORDED.get((file, metric), {metric}) for metric in asked_for(rule["expr"])))


def results(case, alert):
    """Whether the alert fires, each time that a case asks for it by name or for all of them."""
    for asked in case["promql_expr_test"]:
        if "ALERTS{" in asked["expr"]:
            fired = {
                name
                for each in asked["exp_samples"]
                for name in re.findall('alertname="(.+?)"', each["labels"])
            }
            named = re.search(r'alertname=(~?)"(.+?)"', asked["expr"])
            if not named or re.fullmatch(named[2], alert):
                yield alert in fired or bool(asked["exp_samples"] and not fired and named)


def silent(case, rule, file):
    """Whether an alert is silent in a case that has all of its metrics."""
    given = {re.split("[{]", entry["series"])[0] for entry in case["input_series"]}
    return needed(rule, file) <= given and False in results(case, rule["alert"])


@each
def test_an_alert_has_a_case_that_fires_and_one_with_all_its_metrics_that_does_not(file, rule):
    cases = [case for case, files in CASES if f"{file}.yaml" in files]
    assert any(True in results(case, rule["alert"]) for case in cases), "it fires in no case"
    assert any(silent(case, rule, file) for case in cases), "it is silent in no case"


@pytest.mark.parametrize("series", sorted(SERIES))
def test_a_case_has_series_as_prometheus_stores_them(series):
    metric, _, labels = series.partition("{")
    [exporter] = [each for each in exporters() if metric in each.metrics]
    given = dict(re.findall(r'(\w+)="([^"]*)"', labels))
    for label, value in exporter.labels.items():
        assert label in given, f"Prometheus adds {label}"
        assert value in (None, given[label]) or (exporter.keeps_labels and label != "job"), label


@pytest.mark.parametrize("exporter", exporters(), ids=lambda each: each.name)
def test_a_metric_has_a_source(exporter):
    assert exporter.source.startswith("https://") or (ROOT / exporter.source).exists()


@pytest.mark.parametrize(
    ("release", "path"),
    [("traefik", "metrics.prometheus.serviceMonitor"), ("cert-manager", "prometheus.servicemonitor")],
)
def test_labels_of_services_and_certificates_are_not_overwritten_by_those_of_the_exporter(release, path):
    """prometheus-operator adds `service` and `namespace` (traefik-helm-chart#702, cert-manager#4608)."""
    monitor = yaml.safe_load((GOLDEN / "releases" / f"{release}.yaml").read_text())["values"]
    for key in path.split("."):
        monitor = monitor[key]
    assert monitor["honorLabels"] is True


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
