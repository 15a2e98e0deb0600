"""What is wrong when: rules in Prometheus' own format, from files, so that promtool checks and tests them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi import Input, Output, Resource

from components.kubernetes.custom_resource import custom_resource

FILES = Path(__file__).parent / "alerts"


def alerts(namespace: Input[str], runbooks: str, *, parent: Resource) -> None:
    """One object for each file; `runbooks` is what comes before the path of a runbook."""
    for name, groups in rules(runbooks):
        custom_resource(
            f"alerts-{name}",
            "PrometheusRule",
            api_version="monitoring.coreos.com/v1",
            namespace=namespace,
            spec={"groups": groups},
            parent=parent,
        )


def expiry_rules(namespace: Input[str], expires_at: Mapping[str, Input[str]], *, parent: Resource) -> None:
    """Have Prometheus know when what the program made with an end ends; the rules above go by it."""
    known = [
        {
            "record": "platform_expires_timestamp_seconds",
            "labels": {"what": what},
            "expr": Output.from_input(end).apply(promql_timestamp),
        }
        for what, end in expires_at.items()
    ]
    custom_resource(
        "endings",
        "PrometheusRule",
        api_version="monitoring.coreos.com/v1",
        namespace=namespace,
        spec={"groups": [{"name": "endings", "rules": known}]},
        parent=parent,
    )


def promql_timestamp(end: str | None) -> str:
    """A time as PromQL has it; the far end of all where a state knows none."""
    return f"vector({int(datetime.fromisoformat(end).timestamp())})" if end else "vector(+Inf)"


def rules(runbooks: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each file's name and its groups of rules, with whole addresses of their runbooks."""
    for file in sorted(FILES.glob("*.yaml")):
        groups: list[dict[str, Any]] = yaml.safe_load(file.read_text())["groups"]
        for group in groups:
            for rule in group["rules"]:
                if "alert" in rule:
                    rule["annotations"]["runbook_url"] = runbooks + rule["annotations"]["runbook_url"]
        yield file.stem, groups
