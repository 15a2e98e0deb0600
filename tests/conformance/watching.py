"""A real Prometheus and Alertmanager with the rules and the configuration of a stack, and what they send."""

import copy
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import requests
import yaml

from tests.conformance.local_http import serving
from tests.conformance.servers import HOST, free_port, running, tool
from tests.support.recorder import ROOT

OPERATOR = "kube-prometheus-stack-prometheus"
CHART = ROOT / "tests" / "data" / "chart-alertmanager.yaml"
Groups = list[dict[str, Any]]


def quicker(groups: Groups) -> Groups:
    """The rules with a second for each minute that a condition has to last. promtool tests the real times."""
    changed = copy.deepcopy(groups)
    for rule in (rule for group in changed for rule in group["rules"] if "for" in rule):
        minutes, unit = re.fullmatch(r"(\d+)([mh])", rule["for"]).groups()
        rule["for"] = f"{int(minutes) * {'m': 1, 'h': 60}[unit]}s"
    return changed


def merged(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that Helm makes of a stack's values and those of the chart."""
    defaults = yaml.safe_load(CHART.read_text())
    return {**defaults, **config, "route": {**defaults["route"], **config["route"]}}


def local(config: Mapping[str, Any], folder: Path, url: str) -> dict[str, Any]:
    """The configuration with files in `folder` for the secrets; in each is an address of the server `url`."""
    changed = copy.deepcopy(dict(config))
    for receiver in changed["receivers"]:
        for one in (one for each in receiver.values() if isinstance(each, list) for one in each):
            for key in (key for key in one if key.endswith("_file")):
                file = folder / Path(one[key]).name
                file.write_text(f"{url}/{file.name}")
                one[key] = str(file)
    return changed


class Exporter:
    """Answers with series as Prometheus stores them. A counter grows from when they were given."""

    def __init__(self, series: Mapping[str, Any]) -> None:
        self.series, self.since = series, time.monotonic()

    def answer(self, *_: object) -> tuple[int, bytes]:
        passed = time.monotonic() - self.since
        lines = [f"{name} {value(given, passed)}" for name, given in self.series.items() if given != "gone"]
        return 200, "\n".join([*lines, ""]).encode()


def value(given: Any, passed: float) -> str:
    return str(float(given) * passed) if str(given).startswith("+") else str(given)


def web(log: Path, argv: list[str | Path], port: int) -> Any:
    """One of both servers, until it says that it is ready."""
    ready = f"http://{HOST}:{port}/-/ready"
    return running(
        [*argv, f"--web.listen-address={HOST}:{port}"], log, lambda: requests.get(ready, timeout=2).ok
    )


@contextmanager
def alertmanagers(folder: Path, config: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[list[str]]:
    """The addresses of Alertmanager's replicas. `spec` is `alertmanagerSpec` of the chart's values."""
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(dict(config)))
    ports, peers = ([free_port() for _ in range(spec["replicas"])] for _ in range(2))
    with ExitStack() as servers:
        for number, (port, peer) in enumerate(zip(ports, peers, strict=True)):
            argv = [
                tool("alertmanager"),
                f"--config.file={file}",
                f"--storage.path={folder}/alertmanager-{number}",
                f"--web.external-url={spec['externalUrl']}",
                f"--cluster.listen-address={HOST}:{peer}",
                *(f"--cluster.peer={HOST}:{other}" for other in peers if other != peer),
            ]
            servers.enter_context(web(folder / f"alertmanager-{number}.log", argv, port))
        yield [f"http://{HOST}:{port}" for port in ports]


@contextmanager
def prometheuses(
    folder: Path,
    groups: Groups,
    spec: Mapping[str, Any],
    *,
    exporter: str = "",
    receivers: Sequence[str] = (),
) -> Iterator[list[str]]:
    """The addresses of Prometheus' replicas. `spec` is `prometheusSpec` of the chart's values.

    They scrape and evaluate every second, and their labels are those that the operator gives them
    (github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/pkg/prometheus/promcfg.go).
    """
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": groups}))
    with ExitStack() as servers:
        urls = []
        for number in range(spec["replicas"]):
            labels = {
                "prometheus": f"monitoring/{OPERATOR}",
                "prometheus_replica": f"prometheus-{OPERATOR}-{number}",
            }
            config = {
                "global": {
                    "scrape_interval": "1s",
                    "evaluation_interval": "1s",
                    "external_labels": {**labels, **spec["externalLabels"]},
                },
                "rule_files": [str(rules)],
                "scrape_configs": [
                    {
                        "job_name": "stack",
                        "honor_labels": True,
                        "fallback_scrape_protocol": "PrometheusText0.0.4",
                        **targets([exporter]),
                    }
                ],
                "alerting": {
                    "alert_relabel_configs": [{"action": "labeldrop", "regex": "prometheus_replica"}],
                    "alertmanagers": [targets(receivers)],
                },
            }
            file, port = folder / f"prometheus-{number}.yaml", free_port()
            file.write_text(yaml.safe_dump(config))
            argv = [
                tool("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder}/prometheus-{number}",
                f"--web.external-url={spec['externalUrl']}",
            ]
            servers.enter_context(web(folder / f"prometheus-{number}.log", argv, port))
            urls.append(f"http://{HOST}:{port}")
        yield urls


def targets(urls: Sequence[str]) -> dict[str, Any]:
    """Servers by their addresses, as Prometheus is configured."""
    hosts = [url.removeprefix("http://") for url in urls if url]
    return {"static_configs": [{"targets": hosts}] if hosts else []}


class Slack:
    """Takes messages by HTTP, like Slack's webhooks."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def answer(self, _method: str, path: str, body: bytes, _headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.messages.append({"path": path, **json.loads(body)})
        return 200, b"ok"

    def shown(self) -> str:
        """The messages, as a person reads them; in the order of their titles."""
        found = []
        for message in self.messages:
            [shown] = message["attachments"]
            head = f"{message['path']} {message['channel']} {shown['color']}"
            parts = (head, shown["fallback"], f"{shown['title']} -> {shown['title_link']}", shown["text"])
            found.append("\n".join(parts))
        return "\n\n".join(sorted(found)) + "\n" if found else ""


class Watched(NamedTuple):
    """A stack that is watched, from its first scrape until the end of the block."""

    prometheuses: list[str]
    alertmanagers: list[str]
    slack: Slack

    def firing(self) -> list[list[str]]:
        """The names of the alerts that fire, in each Prometheus and each Alertmanager."""
        found = []
        for url in self.prometheuses:
            alerts = requests.get(f"{url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
            found.append([one["labels"]["alertname"] for one in alerts if one["state"] == "firing"])
        for url in self.alertmanagers:
            alerts = requests.get(f"{url}/api/v2/alerts", timeout=10).json()
            found.append([one["labels"]["alertname"] for one in alerts])
        return [sorted(names) for names in found]


@contextmanager
def watched(
    folder: Path, groups: Groups, values: Mapping[str, Any], series: Mapping[str, Any]
) -> Iterator[Watched]:
    """All replicas of both, with the values of a stack's release, and with series."""
    manager, slack = values["alertmanager"], Slack()
    with (
        serving(slack.answer) as receiver,
        serving(Exporter(series).answer) as exporter,
        alertmanagers(
            folder, local(merged(manager["config"]), folder, receiver), manager["alertmanagerSpec"]
        ) as taking,
        prometheuses(
            folder,
            groups,
            values["prometheus"]["prometheusSpec"],
            exporter=exporter,
            receivers=taking,
        ) as sending,
    ):
        yield Watched(sending, taking, slack)
