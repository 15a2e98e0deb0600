"""The metrics that are known to exist, and those that an expression asks for."""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import yaml

from components.monitoring.alert_rules import FILES
from tests.support.recorder import ROOT

_FUNCTIONS_AND_WORDS = frozenset(
    [
        "abs",
        "absent",
        "and",
        "avg",
        "bool",
        "bottomk",
        "by",
        "ceil",
        "changes",
        "clamp_max",
        "clamp_min",
        "count",
        "count_values",
        "delta",
        "deriv",
        "floor",
        "group_left",
        "group_right",
        "histogram_quantile",
        "ignoring",
        "increase",
        "irate",
        "label_join",
        "label_replace",
        "max",
        "max_over_time",
        "min",
        "min_over_time",
        "offset",
        "predict_linear",
        "on",
        "or",
        "quantile",
        "rate",
        "round",
        "scalar",
        "sort",
        "sort_desc",
        "sum",
        "sum_over_time",
        "time",
        "timestamp",
        "topk",
        "unless",
        "vector",
        "without",
        "inf",
        "nan",
    ]
)


class Exporter(NamedTuple):
    """A section of the lists in tests/data."""

    name: str
    labels: dict[str, str | None]
    """Labels that Prometheus adds to what it scrapes, with their value if it is always the same."""
    keeps_labels: bool
    """Whether its own labels of the same name stay (honorLabels of its monitor)."""
    source: str
    metrics: Mapping[str, frozenset[str]]
    """Labels of each metric as Prometheus stores it."""


@cache
def exporters() -> tuple[Exporter, ...]:
    """Every exporter with its metrics, those of a histogram's parts too."""
    text = "".join(
        (ROOT / "tests" / "data" / f"{name}-metrics.txt").read_text() for name in ("concourse", "other")
    )
    found = []
    for section in text.split("\n## ")[1:]:
        head, *lines = section.splitlines()
        name, labels, source = (part.strip() for part in head.split("|"))
        pairs = dict(re.findall(r'(\w+)(?:="([^"]*)")?', labels))
        keeps = pairs.pop("own", None) is not None
        added = {label: value or None for label, value in pairs.items()}
        metrics = {}
        for metric, *own in (line.split() for line in lines if line and not line.startswith("#")):
            parts = {"_bucket": {"le"}, "_sum": set(), "_count": set()} if "histogram" in own else {"": set()}
            stored = {f"exported_{label}" if label in added and not keeps else label for label in own}
            scraped = {*added, "instance"} if added else set()
            for part, more in parts.items():
                metrics[metric + part] = frozenset(stored | more | scraped) - {"histogram"}
        found.append(Exporter(name, added, keeps, source, metrics))
    return tuple(found)


RECORDS: Mapping[str, str] = {
    rule["record"]: rule["expr"]
    for file in FILES.glob("*.yaml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "record" in rule
}
"""Expressions of our recording rules, by name."""


def known() -> frozenset[str]:
    """Every name that an expression may use."""
    return frozenset(RECORDS).union(*(exporter.metrics for exporter in exporters()))


def stored_labels(metric: str) -> frozenset[str] | None:
    """Labels of a metric, or None: those of a recording rule depend on its expression."""
    return next((exporter.metrics[metric] for exporter in exporters() if metric in exporter.metrics), None)


def unknown_labels(expression: str) -> set[str]:
    """Labels that an expression selects, groups or joins by, and that its metrics do not have."""
    texts = r'"(?:\\.|[^"\\])*"'
    made = set(re.findall(rf'label_replace\(.*?,\s*"(\w+)",\s*{texts}', expression, re.DOTALL))
    bare = re.sub(texts, '""', expression)
    wrong, all_labels = set(), set(made)
    for metric in asked_for(expression):
        labels = stored_labels(metric)
        if labels is None:  # the labels by which the rule groups
            labels = frozenset(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", RECORDS[metric]))))
        all_labels |= labels
        for selected in re.findall(rf"{metric}\{{([^}}]*)\}}", bare):
            wrong |= {label for label in re.findall(r"(\w+)\s*[=!]", selected) if label not in labels}
    grouping = r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)"
    for group in re.findall(grouping, bare):
        wrong |= set(re.findall(r"\w+", group)) - all_labels
    return wrong


def asked_for(expression):
    """Names of metrics in PromQL."""
    bare = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\$\w+|\$\{\w+\}", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w.])[A-Za-z_:][\w:]*", bare)
    return {word for word in words if word.lower() not in _FUNCTIONS_AND_WORDS}
