"""Draws the dashboards with what a real Prometheus answers for the recorded series.

    python -m tests.conformance.draw_dashboards FOLDER

writes an SVG for each. It is our drawing, to see limits, units and legends: not what Grafana shows.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from html import escape
from pathlib import Path
from typing import Any

from tests.conformance.recorded_prometheus import Ask, recorded, result
from tests.conformance.recorded_series import SPAN
from tests.support.dashboards import boards

COLUMN, LINE, GAP = 60, 36, 8
"""Pixels of Grafana's columns and lines, and between panels."""
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9", "#f2495c", "#8ab8ff", "#37872d")
LIMIT = {"green": "#299c46", "orange": "#e0752d", "red": "#d44a3a"}
Panel = dict[str, Any]
Found = list[tuple[str, list[dict[str, Any]]]]


def scaled(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    """The value in the largest unit that is not larger than it."""
    size, name = next((each for each in steps if abs(value) >= each[0]), steps[-1])
    return f"{value / size:.3g} {name}".strip()


SECONDS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "K"), (1.0, ""), (0.001, "m"))
SHOWN: dict[str, Callable[[float], str]] = {
    "s": lambda value: scaled(value, SECONDS),
    "bytes": lambda value: scaled(value, BYTES),
    "percentunit": lambda value: f"{100 * value:.1f} %",
    "ms": lambda value: scaled(value / 1000, SECONDS),
    "d": lambda value: f"{value:.1f} d",
    "h": lambda value: f"{value:.1f} h",
    "dateTimeFromNow": lambda value: f"{scaled(time.time() - value / 1000, SECONDS)} ago",
    "reqps": lambda value: f"{value:.3g} req/s",
    "cpm": lambda value: f"{value:.3g} c/m",
    "cps": lambda value: f"{value:.3g} c/s",
    "ops": lambda value: f"{value:.3g} ops/s",
    "wps": lambda value: f"{value:.3g} wr/s",
}


def count(value: float) -> str:
    return scaled(value, LARGE) if value >= LARGE[2][0] else f"{value:.4g}"


def shown(value: float, panel: Panel) -> str:
    """A value as Grafana writes it, more or less."""
    field = panel["fieldConfig"]["defaults"]
    if math.isnan(value):
        return "NaN"
    for mapping in field.get("mappings", ()):
        if text := mapping["options"].get(f"{value:.0f}"):
            return str(text["text"])
    if value == 0 and field.get("unit") != "dateTimeFromNow":
        return "0"
    return SHOWN.get(
        field.get("unit", ""), lambda each: scaled(each, LARGE) if each >= 1000 else f"{each:.4g}"
    )(value)


def colour(value: float, panel: Panel) -> str:
    """The colour of the last limit that the value reaches."""
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return LIMIT[reached[-1]] if reached else "#3274d9"


def text(
    x: float, y: float, content: str, *, size: int = 12, fill: str = "#ccccdc", anchor: str = "start"
) -> str:
    look = f'font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(content)}</text>'


def line(start: tuple[float, float], end: tuple[float, float], stroke: str, dashes: str = "none") -> str:
    (x1, y1), (x2, y2) = start, end
    look = f'stroke="{stroke}" stroke-dasharray="{dashes}"'
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'


def stat(panel: Panel, found: Found, width: float, height: float) -> Iterator[str]:
    values = [float(each["value"][1]) for _, series in found for each in series]
    value = values[0] if values else math.nan
    yield f'<rect y="28" width="{width}" height="{height - 28}" fill="{colour(value, panel)}"/>'
    yield text(
        width / 2, 28 + (height - 28) / 2 + 12, shown(value, panel), size=30, fill="#fff", anchor="middle"
    )


def table(panel: Panel, found: Found, width: float, height: float) -> Iterator[str]:
    names = panel["transformations"][0]["options"]["renameByName"]
    step = width / len(names)
    for column, name in enumerate(names.values()):
        yield text(column * step + 8, 46, name, fill="#6e9fff")
    for number, each in enumerate(series for _, answer in found for series in answer):
        y = 68 + 21 * number
        if y > height - 6:
            break
        value = float(each["value"][1])
        for column, label in enumerate(names):
            content = shown(value, panel) if label == "Value" else each["metric"].get(label, "")
            limited = label == "Value" and panel["fieldConfig"]["defaults"].get("thresholds")
            cut = content[: int(step / 7)]
            yield text(column * step + 8, y, cut, fill=colour(value, panel) if limited else "#ccccdc")


def graph(
    panel: Panel, found: Found, width: float, height: float, *, start: float, lines_at: Collection[float]
) -> Iterator[str]:
    field = panel["fieldConfig"]["defaults"]
    stacked = field["custom"]["stacking"]["mode"] == "normal"
    lines = [(legend, each) for legend, answer in found for each in answer]
    drawn: list[tuple[str, dict[float, float]]] = []
    below: dict[float, float] = {}
    for legend, each in lines:
        name = filled_legend(legend, each["metric"])
        points = {float(at): float(value) for at, value in each["values"] if not math.isnan(float(value))}
        if stacked:
            points = {at: value + below.get(at, 0) for at, value in points.items()}
            below |= points
        drawn.append((name, points))
    steps = field.get("thresholds", {}).get("steps", [])
    limits = [step["value"] for step in steps if step["value"] is not None]
    top = max([value for _, points in drawn for value in points.values()], default=1) * 1.1 or 1
    top = field.get("max", top)
    left, right, upper, lower = 70, width - 10, 34, height - 16 - 16 * math.ceil(min(len(drawn), 8) / 2)

    def place(at: float, value: float) -> tuple[float, float]:
        return left + (right - left) * (at - start) / SPAN, lower - (lower - upper) * min(value / top, 1)

    for part in range(4):
        value = top * part / 3
        y = place(start, value)[1]
        yield line((left, y), (right, y), "#2c3235")
        yield text(left - 6, y + 4, shown(value, panel), size=11, fill="#8e8e9c", anchor="end")
    for limit in limits:
        if limit <= top:
            y = place(start, limit)[1]
            yield line((left, y), (right, y), colour(limit, panel), "6 4")
    for at in lines_at:
        x = place(at, 0)[0]
        yield line((x, upper), (x, lower), "orange", "3 3")
    for index, (name, points) in enumerate(drawn):
        paint = COLOURS[index % len(COLOURS)]
        path = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in (place(at, value) for at, value in sorted(points.items()))
        )
        yield f'<polyline points="{path}" fill="none" stroke="{paint}" stroke-width="1.5"/>'
        if index < len(COLOURS):
            x, y = left + (right - left) / 2 * (index % 2), lower + 18 + 16 * (index // 2)
            yield f'<rect x="{x:.1f}" y="{y - 8:.1f}" width="12" height="3" fill="{paint}"/>'
            yield text(x + 17, y, name[: int(width / 14)], size=11)


def rollouts(board: dict[str, Any], ask: Ask, end: int) -> list[float]:
    """When something was rolled out, in seconds since 1970, as Grafana makes lines of annotations."""
    times = set()
    for annotation in board["annotations"]["list"]:
        for each in result(ask, end, annotation["target"], {}):
            values = [(float(at), float(value)) for at, value in each["values"]]
            is_time = annotation["useValueForTime"]
            times |= {value / 1000 if is_time else values[0][0] for _, value in values}
    return sorted(at for at in times if at >= end - SPAN)


def filled_legend(legend: str, labels: dict[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace(f"{{{{{label}}}}}", value)
    return legend


def drawing(board: dict[str, Any], ask: Ask, end: int) -> Iterator[str]:
    """The SVG of a dashboard."""
    high = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    width, height = 24 * COLUMN, high * LINE + 40
    size = f'width="{width}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="DejaVu Sans">'
    yield f'<rect {size} fill="#111217"/>'
    names = [(each["name"], each["type"]) for each in board["templating"]["list"]]
    variables = ", ".join(f"${name} = {'all' if kind == 'query' else '2'}" for name, kind in names)
    yield text(GAP, 26, f"{board['title']}: a drawing of invented series, not Grafana. {variables}", size=16)
    times = rollouts(board, ask, end)
    for panel in board["panels"]:
        place = panel["gridPos"]
        x, y = place["x"] * COLUMN + GAP / 2, place["y"] * LINE + 40
        wide, tall = place["w"] * COLUMN - GAP, place["h"] * LINE - GAP
        yield f'<g transform="translate({x},{y})">'
        if panel["type"] == "row":
            yield text(4, 20, f"▾ {panel['title']}", size=15)
        else:
            yield f'<rect width="{wide}" height="{tall}" fill="#181b1f" stroke="#2c3235"/>'
            yield text(8, 19, panel["title"], size=13)
            asked = [target for target in panel["targets"] if "expr" in target]
            found = [(each.get("legendFormat", ""), result(ask, end, each, {"price": "2"})) for each in asked]
            if panel["type"] == "timeseries" and asked:
                yield from graph(panel, found, wide, tall, start=end - SPAN, lines_at=times)
            elif asked:
                yield from (stat if panel["type"] == "stat" else table)(panel, found, wide, tall)
            else:
                yield text(
                    8, 48, f"of {panel['datasource']['type']}, not drawn: {panel['targets'][0]['query']}"
                )
        yield "</g>"
    yield "</svg>"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the dashboards as SVG.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    end = int(time.time()) // 60 * 60
    with tempfile.TemporaryDirectory() as scratch, recorded(Path(scratch), end) as ask:
        for board in boards():
            file = folder / f"{board['uid']}.svg"
            file.write_text("\n".join(drawing(board, ask, end)) + "\n")


if __name__ == "__main__":
    main()
