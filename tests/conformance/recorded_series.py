"""The series of tests/data/dashboards.yaml as OpenMetrics, of which promtool makes Prometheus' own blocks."""

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import yaml

from tests.support.known_metrics import exporters
from tests.support.recorder import ROOT

FILE = ROOT / "tests" / "data" / "dashboards.yaml"
SPAN, STEP = 6 * 3600, 30
"""Seconds that the series last, and between two samples: Prometheus' scrape interval."""
BUCKETS = {
    "concourse_builds_duration_seconds": (1, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200),
    "concourse_steps_wait_duration": (10, 30, 60, 120, 300, 600, 1800),
    "traefik_service_request_duration_seconds": (0.1, 0.3, 1.2, 5),
}
"""Upper limits of histograms, of the exporters' sources. Others have those of Prometheus' client."""
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
Shape = Callable[[float], float | None]


class Series(NamedTuple):
    """One series, with the labels of its target."""

    metric: str
    labels: dict[str, str]
    at: Shape
    """The value, by seconds since the first sample; None if there is no sample."""


def series(end: float) -> Iterator[Series]:
    """All series of six hours that end at `end`, in seconds since 1970."""
    for name, notation in yaml.safe_load(FILE.read_text()).items():
        metric, _, text = name.partition("{")
        labels = targeted(metric, dict(re.findall(r'(\w+)="([^"]*)"', text)))
        kind, *numbers = notation.split()
        if kind == "histogram":
            yield from histogram(metric, labels, *map(float, numbers))
        else:
            yield Series(metric, labels, SHAPES[kind](end, *map(float, numbers)))


def targeted(metric: str, labels: dict[str, str]) -> dict[str, str]:
    """The labels with those of the scraped target."""
    parts = (metric, f"{metric}_count")
    added = next((each.labels for each in exporters() if any(part in each.metrics for part in parts)), {})
    target = {label: value for label, value in added.items() if value is not None}
    return {**target, **({"instance": f"{labels.get('pod', 'a')}:9090"} if added else {}), **labels}


def counter(rate: float, start: float = 0) -> Shape:
    return lambda seconds: max(start + rate * seconds, 0)


SHAPES: dict[str, Callable[..., Shape]] = {
    "constant": lambda _, value: lambda seconds: value,
    "wave": lambda _, mean, change: lambda seconds: mean + change * math.sin(seconds / 1700),
    "step": lambda _, before, after: lambda seconds: before if seconds < SPAN / 2 else after,
    "first": lambda _, value: lambda seconds: value if seconds < SPAN / 2 else None,
    "second": lambda _, value: lambda seconds: value if seconds >= SPAN / 2 else None,
    # A time in the past, as of a thing that is done so often.
    "every": lambda end, period: lambda seconds: end - SPAN + (seconds // period - 0.4) * period,
    # What is used up begins with plenty.
    "rate": lambda _, rate: counter(rate, 0 if rate >= 0 else 9_000_000_000),
    "ago": lambda end, seconds_ago: lambda seconds: end - seconds_ago,
    "in": lambda end, ahead: lambda seconds: end + ahead,
}


def histogram(metric: str, labels: dict[str, str], rate: float, median: float) -> Iterator[Series]:
    """Observations whose logarithm is distributed evenly around the median's."""
    for limit in (*BUCKETS.get(metric, DEFAULT_BUCKETS), math.inf):
        part = 1 / (1 + (median / limit) ** 2)
        le = "+Inf" if math.isinf(limit) else f"{limit:g}"
        yield Series(f"{metric}_bucket", {**labels, "le": le}, counter(rate * part))
    yield Series(f"{metric}_count", labels, counter(rate))
    yield Series(f"{metric}_sum", labels, counter(rate * median))


def open_metrics(end: int) -> Iterator[str]:
    """The lines of the file."""
    start = end - SPAN
    for each in series(end):
        labels = ",".join(f'{label}="{value}"' for label, value in sorted(each.labels.items()))
        for seconds in range(0, SPAN + 1, STEP):
            value = each.at(seconds)
            if value is None:
                continue
            shown = "NaN" if math.isnan(value) else f"{value:.6f}"
            yield f"{each.metric}{{{labels}}} {shown} {start + seconds}"
    yield "# EOF"
