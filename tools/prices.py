"""Refreshes deploy/costs/prices.yaml from Azure's public retail prices: `python -m tools.prices`.

The API needs no login. learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter, Retry

from components.stack_files import stacks
from deploy.costs.meters import Meter, meters
from deploy.costs.price_list import Answer, answers, write
from deploy.stack_file import settings

API = "https://prices.azure.com/api/retail/prices"
SECONDS = 60
"""For one answer."""
CURRENCY = "USD"
ATTEMPTS = Retry(total=5, backoff_factor=2, status_forcelist=(429, 500, 502, 503, 504))


class PricesError(Exception):
    """An answer that is not as documented."""


def refresh(regions: Sequence[str], today: date, api: str = API) -> Iterator[Answer]:
    """Ask for the prices of all meters in these regions; each query is one answer."""
    queries: dict[tuple[str, str], list[Meter]] = {}
    for meter in meters():
        for region in [meter.region] if meter.region else regions:
            queries.setdefault((filter_of(meter, region), region), []).append(meter)
    with requests.Session() as session:
        session.mount(api, HTTPAdapter(max_retries=ATTEMPTS))
        for (query, region), wanted in queries.items():
            items = list(pages(session, api, query))
            prices = {meter.name: price for meter in wanted if (price := found(meter, items)) is not None}
            for meter in wanted:
                if meter.name not in prices:
                    print(f"{region}: no price for {meter.name}", file=sys.stderr)
            yield Answer(f"{api}?$filter={query}", today, region, prices)


def filter_of(meter: Meter, region: str) -> str:
    """The filter of a query, in the API's subset of OData."""
    fields = {"armRegionName": region, "priceType": "Consumption", **meter.query}
    return " and ".join(f"{name} eq '{value}'" for name, value in fields.items())


def pages(session: requests.Session, api: str, query: str) -> Iterator[dict[str, Any]]:
    """The items of all pages of an answer."""
    answer = session.get(api, params={"$filter": query, "currencyCode": CURRENCY}, timeout=SECONDS)
    while True:
        answer.raise_for_status()
        page = answer.json()
        if page.get("BillingCurrency") != CURRENCY:
            raise PricesError(f"{answer.url} answers in {page.get('BillingCurrency')}, not in {CURRENCY}")
        yield from page["Items"]
        if not (link := page.get("NextPageLink")):
            return
        answer = session.get(link, timeout=SECONDS)


def found(meter: Meter, items: Sequence[dict[str, Any]]) -> float | None:
    """The price of a meter among items; None if it is not there.

    Of a price in steps it is the first that is not free. Windows and expired prices are left out.
    """
    mine = [
        item
        for item in items
        if all(item[name].casefold() == value.casefold() for name, value in meter.match.items())
        and not item["productName"].endswith("Windows")
        and item["type"] == "Consumption"
        and not item.get("effectiveEndDate")
        and item["retailPrice"]
    ]
    if not mine:
        return None
    first = min(mine, key=lambda item: item["tierMinimumUnits"])
    if first["unitOfMeasure"] != meter.unit:
        raise PricesError(f"{meter.name} is billed by {first['unitOfMeasure']}, not by {meter.unit}")
    same = {item["retailPrice"] for item in mine if item["tierMinimumUnits"] == first["tierMinimumUnits"]}
    if len(same) > 1:
        raise PricesError(f"{meter.name} has several prices: {sorted(same)}")
    return float(first["retailPrice"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Replace the prices of the stack files' regions, or of those given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "regions", nargs="*", help="such as westeurope; without any, those of the stack files"
    )
    given = parser.parse_args(arguments).regions
    regions = given or sorted({settings(stack).azure.location for stack in stacks()})
    new = list(refresh(regions, datetime.now(UTC).date()))
    read = {answer.region for answer in new}
    write([*new, *(answer for answer in answers() if answer.region not in read)])


if __name__ == "__main__":
    main()
