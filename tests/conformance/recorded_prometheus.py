"""A real Prometheus with the recorded series, and the results of panels' queries."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.conformance.recorded_series import SPAN, open_metrics
from tests.conformance.servers import HOST, free_port, running, tool
from tests.support.dashboards import filled

Ask = Callable[..., Any]
STEP = 300
"""Seconds between two values of a graph."""


@contextmanager
def recorded(folder: Path, end: int) -> Iterator[Ask]:
    """Asks Prometheus' API until the end of the block. The series end at `end`, in seconds since 1970."""
    lines, data, config = folder / "series.txt", folder / "data", folder / "prometheus.yaml"
    lines.write_text("\n".join(open_metrics(end)) + "\n")
    config.write_text("{}\n")
    blocks = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", lines, data]
    subprocess.run(blocks, check=True, capture_output=True, timeout=300)
    port = free_port()
    url = f"http://{HOST}:{port}"
    argv: list[str | Path] = [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address={HOST}:{port}",
    ]

    def ask(path: str, **parameters: Any) -> Any:
        answer = requests.get(f"{url}/api/v1/{path}", params=parameters, timeout=60)
        assert answer.ok, answer.text
        return answer.json()["data"]

    with running(argv, folder / "log", lambda: requests.get(f"{url}/-/ready", timeout=2).ok):
        yield ask


def result(ask: Ask, end: int, target: dict[str, Any], values: dict[str, str]) -> list[dict[str, Any]]:
    """What a panel's query gives: over six hours, or now."""
    expr = filled(target["expr"], values)
    if target.get("instant"):
        found = ask("query", query=expr, time=end)
    else:
        found = ask("query_range", query=expr, start=end - SPAN, end=end, step=STEP)
    return list(found["result"])


def numbers(found: list[dict[str, Any]]) -> Iterator[float]:
    """All values of a result."""
    for each in found:
        yield from (float(value) for _, value in each.get("values", [each.get("value")]))
