"""The prices in prices.yaml: each with its source and date. `python -m tools.prices` writes the file."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deploy.costs.meters import EVERYWHERE

FILE = Path(__file__).parent / "prices.yaml"
HEAD = """# Azure's public pay-as-you-go prices in USD, without taxes and discounts (deploy/costs/meters.py).
# Each list has the page or the answer that its prices were read from, and the day when that was.
# `python -m tools.prices` replaces the lists of a region by the answers of Azure's API.
"""


class Answer(NamedTuple):
    """Prices that were read from one source."""

    source: str
    date: date
    region: str
    prices: dict[str, float]


@cache
def answers(file: Path = FILE) -> tuple[Answer, ...]:
    """All prices of the file."""
    return tuple(Answer(**one) for one in yaml.safe_load(file.read_text()))


def write(found: Iterable[Answer], file: Path = FILE) -> None:
    """Write prices to the file."""
    rows: list[dict[str, Any]] = [one._asdict() for one in found if one.prices]
    file.write_text(HEAD + yaml.safe_dump(rows, sort_keys=False, width=1000))


def price(meter: str, region: str, known: Iterable[Answer]) -> float | None:
    """The price of one unit of a meter in a region; None if the file has none."""
    for answer in known:
        if answer.region in (region, EVERYWHERE) and meter in answer.prices:
            return answer.prices[meter]
    return None
