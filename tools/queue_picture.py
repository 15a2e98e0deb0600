"""The picture of docs/workers-and-the-queue.md: delay over cost, one point for each way of scaling."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tools.queue_model import Row

PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks" / "day-of-400-jobs.svg"
WIDTH, ROW, LEFT, BAR = 860, 34, 260, 250
MOST = 10.0
COLOURS = {"fixed": "#6b7280", "CPU": "#b45309", "the": "#b45309", "queue": "#1d4ed8"}


def draw(rows: Sequence[Row]) -> str:
    """An SVG with two bars for each row: the longest delay, and USD a day."""
    height = 60 + ROW * len(rows)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="{LEFT}" y="28">longest delay of a build in 20 days</text>\n'
        f'<text x="{LEFT + BAR + 50}" y="28">USD a day</text>\n'
    )
    return head + "\n".join(_bars(rows)) + "\n</svg>\n"


def _bars(rows: Sequence[Row]) -> Iterator[str]:
    """Bars of at most `MOST` minutes: a longer one is cut off and has its figure."""
    most_usd = max(row.usd for row in rows)
    longest = min(max(row.longest for row in rows), MOST) or 1.0
    for number, row in enumerate(rows):
        y, colour = 44 + ROW * number, COLOURS[row.name.replace(",", "").split()[0]]
        yield f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(row.name)}</text>'
        for x, share, label in (
            (LEFT, min(row.longest / longest, 1), f"{row.longest:.1f} min"),
            (LEFT + BAR + 50, row.usd / most_usd, f"{row.usd:.0f}"),
        ):
            wide = round((BAR - 40) * share, 1)
            yield f'<rect x="{x}" y="{y}" width="{max(wide, 1)}" height="20" fill="{colour}"/>'
            yield f'<text x="{x + wide + 5}" y="{y + 15}">{label}</text>'
