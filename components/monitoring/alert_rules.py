"""Alert rules, read from files in Prometheus' own format so that promtool can check and test them."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi import Input, Output, Resource

from components.kubernetes.custom_resource import custom_resource

FILES = Path(__file__).parent / "alerts"


def alerts(namespace: Input[str], runbooks: str, *, left_out: Collection[str] = (), parent: Resource) -> None:
    """Create one PrometheusRule per file. `runbooks` is the prefix for the paths of runbooks."""
    for name, groups in rules(runbooks, left_out):
        custom_resource(
            f"alerts-{name}",
            "PrometheusRule",
            api_version="monitoring.coreos.com/v1",
            namespace=namespace,
            spec={"groups": groups},
            parent=parent,
        )


def expiry_rules(namespace: Input[str], expires_at: Mapping[str, Input[str]], *, parent: Resource) -> None:
    """Record when credentials and certificates expire, as series that the alert rules use."""
    records = [
        {
            "record": "platform_expires_timestamp_seconds",
            "labels": {"what": subject},
            "expr": Output.from_input(time).apply(promql_timestamp),
        }
        for subject, time in expires_at.items()
    ]
    custom_resource(
        "expiry",
        "PrometheusRule",
        api_version="monitoring.coreos.com/v1",
        namespace=namespace,
        spec={"groups": [{"name": "expiry", "rules": records}]},
        parent=parent,
    )


def promql_timestamp(time: str | None) -> str:
    """The time as a PromQL expression; +Inf if the state has no expiry time."""
    return f"vector({int(datetime.fromisoformat(time).timestamp())})" if time else "vector(+Inf)"


def rules(runbooks: str, left_out: Collection[str] = ()) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each file's name and its rule groups, with full runbook URLs. A part's file has the part's name."""
    for file in (each for each in sorted(FILES.glob("*.yaml")) if each.stem not in left_out):
        groups: list[dict[str, Any]] = yaml.safe_load(file.read_text())["groups"]
        for group in groups:
            for rule in group["rules"]:
                if "alert" in rule:
                    rule["annotations"]["runbook_url"] = runbooks + rule["annotations"]["runbook_url"]
        yield file.stem, groups
