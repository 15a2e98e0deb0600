"""The estimate of a stack's monthly costs, and how a change moves it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple, Self

from deploy.costs.meters import GB_MONTH, HOUR, MONTH, Meter, meters
from deploy.costs.parts import Part, parts
from deploy.costs.price_list import Answer, answers, price
from deploy.render import hidden

HOURS = 730
"""Hours of a month, as in Azure's pricing calculator (azure.microsoft.com/pricing/calculator)."""
TIMES = {HOUR: HOURS, MONTH: 1, GB_MONTH: 1}
"""How often a unit of a meter counts in a month, for meters that are not billed by use alone."""
NAMED = 3
"""Parts without a price that are named."""
METERS: Mapping[str, Meter] = {meter.name: meter for meter in meters()}


class Line(NamedTuple):
    """One part with its price."""

    part: Part
    price: float | None
    """USD for one unit of the meter; None if prices.yaml has none."""

    @property
    def least(self) -> float:
        """USD a month with the fewest nodes."""
        return self._monthly(self.part.least)

    @property
    def most(self) -> float:
        """USD a month with the most nodes."""
        return self._monthly(self.part.most)

    @property
    def counted(self) -> bool:
        """Whether it is in the sum."""
        return self.price is not None and not self.part.by_use

    def _monthly(self, number: float) -> float:
        return number * (self.price or 0) * TIMES[METERS[self.part.meter].unit] if self.counted else 0

    def __str__(self) -> str:
        """Its monthly costs, or why it has none."""
        if self.price is None:
            return "no price"
        if self.part.by_use:
            return f"by use: {self.price:g} USD for {METERS[self.part.meter].unit}"
        return usd(self.least, self.most)


class Estimate(NamedTuple):
    """What a stack costs a month."""

    lines: tuple[Line, ...]

    @classmethod
    def of(
        cls,
        resources: Iterable[tuple[str, str, Any]],
        region: str,
        known: Iterable[Answer] | None = None,
    ) -> Self:
        """The estimate for (type, name, inputs) of a stack's resources."""
        prices = answers() if known is None else tuple(known)
        return cls(
            tuple(
                Line(part, price(part.meter, region, prices))
                for type_, name, inputs in sorted(resources, key=lambda one: one[:2])
                for part in parts(type_, name, hidden(inputs), region)
            )
        )

    @property
    def least(self) -> float:
        """USD a month, with the fewest nodes of each pool."""
        return sum(line.least for line in self.lines)

    @property
    def most(self) -> float:
        """USD a month, with the most nodes of each pool."""
        return sum(line.most for line in self.lines)

    @property
    def uncounted(self) -> str:
        """What the sum leaves out: `not counted: 4 parts by use, 1 without a price (Zone dns)`."""
        by_use = sum(line.part.by_use and line.price is not None for line in self.lines)
        unknown = [line.part.name for line in self.lines if line.price is None]
        found = [f"{by_use} parts by use"] if by_use else []
        if unknown:
            more = ", …" if len(unknown) > NAMED else ""
            found.append(f"{len(unknown)} without a price ({', '.join(unknown[:NAMED])}{more})")
        return f"not counted: {', '.join(found)}" if found else ""

    @property
    def dates(self) -> str:
        """When the prices were read."""
        used = {line.part.meter for line in self.lines if line.price is not None}
        days = [answer.date for answer in answers() if used & set(answer.prices)]
        return _span(days)


def difference(before: Estimate, after: Estimate) -> Iterator[tuple[Line | None, Line | None]]:
    """The lines that differ, old and new; None where there is none."""
    old, new = ({line.part.name: line for line in one.lines} for one in (before, after))
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield old.get(name), new.get(name)


def usd(least: float, most: float, *, signed: bool = False) -> str:
    """An amount, or the range between two."""
    sign = "+" if signed else ""
    first, last = f"{least:{sign},.0f}", f"{most:{sign},.0f}"
    return first if first == last else f"{first} to {last}"


def increase(before: Estimate, after: Estimate) -> str:
    """What an estimate adds to another, with its sign; "+0" if nothing."""
    return usd(after.least - before.least, after.most - before.most, signed=True)


def _span(days: list[date]) -> str:
    if not days:
        return ""
    first, last = min(days), max(days)
    return f"{first}" if first == last else f"{first} to {last}"
