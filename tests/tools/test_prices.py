"""Prices are refreshed from answers of the form that Azure documents."""

import json
from datetime import date

import pytest
from werkzeug import Response

from deploy.costs.estimate import METERS
from tools.prices import PricesError, filter_of, found, refresh

TODAY = date(2026, 11, 27)
VM, DISK = METERS["Standard_D4ds_v5"], METERS["P10 ZRS Disk"]


def item(meter, price, **other):
    """An item as in learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices."""
    return {
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": price, "unitPrice": price,
        "armRegionName": "westeurope", "location": "EU West", "effectiveStartDate": "2023-03-01T00:00:00Z",
        "meterId": "000a794b-bdb0-58be-a0cd-0c3a0f222923", "meterName": "M", "productId": "P", "skuId": "P/1",
        "productName": "P Series", "skuName": "S", "unitOfMeasure": meter.unit, "type": "Consumption",
        "isPrimaryMeterRegion": True, "armSkuName": "", **meter.query, **meter.match, **other,
    }  # fmt: skip


def page(items, link=None, currency="USD"):
    return {
        "BillingCurrency": currency, "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
        "Items": items, "NextPageLink": link, "Count": len(items),
    }  # fmt: skip


def test_all_pages_of_an_answer_are_read_and_each_price_has_its_query_and_day(httpserver):
    api = httpserver.url_for("/api/retail/prices")
    asked = []

    def answer(request):
        query = request.args.get("$filter", "")
        asked.append(query)
        if request.args.get("$skip"):
            return Response(json.dumps(page([item(VM, 0.272)])), content_type="application/json")
        if query == filter_of(VM, "westeurope"):
            assert request.args["currencyCode"] == "USD"
            windows = item(VM, 0.456, productName="P Series Windows")
            spot = item(VM, 0.05, skuName="D4ds v5 Spot")
            return Response(
                json.dumps(page([windows, spot], f"{api}?$skip=100")), content_type="application/json"
            )
        return Response(json.dumps(page([])), content_type="application/json")

    httpserver.expect_request("/api/retail/prices").respond_with_handler(answer)
    answers = [one for one in refresh(["westeurope"], TODAY, api) if one.prices]
    [only] = answers
    assert only == (f"{api}?$filter={filter_of(VM, 'westeurope')}", TODAY, "westeurope", {VM.name: 0.272})
    assert len(set(asked)) == len(asked)
    assert (
        "armRegionName eq 'Global' and priceType eq 'Consumption' and serviceName eq 'Load Balancer'" in asked
    )


def test_a_filter_has_the_region_and_what_is_not_a_reservation():
    assert filter_of(VM, "westeurope") == (
        "armRegionName eq 'westeurope' and priceType eq 'Consumption' and "
        "serviceName eq 'Virtual Machines' and armSkuName eq 'Standard_D4ds_v5'"
    )


@pytest.mark.parametrize(
    ("items", "price"),
    [
        ([item(DISK, 30.0)], 30.0),
        ([item(DISK, 30.0, meterName="p10 zrs disk")], 30.0),
        ([item(DISK, 30.0), item(DISK, 20.0, meterName="P10 LRS Disk")], 30.0),
        ([item(DISK, 0.0), item(DISK, 2.0, tierMinimumUnits=5), item(DISK, 1.0, tierMinimumUnits=9)], 2.0),
        ([item(DISK, 30.0, effectiveEndDate="2026-07-31T23:59:00Z"), item(DISK, 33.0)], 33.0),
        ([item(DISK, 30.0, type="DevTestConsumption")], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_price_is_that_of_the_meter_and_of_its_first_step_that_is_not_free(items, price):
    assert found(DISK, items) == price


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([item(DISK, 30.0, unitOfMeasure="1 Hour")], "billed by 1 Hour, not by 1/Month"),
        ([item(DISK, 30.0), item(DISK, 31.0)], "has several prices"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_not_guessed(items, text):
    with pytest.raises(PricesError, match=text):
        found(DISK, items)


def test_prices_in_another_currency_are_refused(httpserver):
    httpserver.expect_request("/").respond_with_json(page([], currency="EUR"))
    with pytest.raises(PricesError, match="answers in EUR, not in USD"):
        list(refresh(["westeurope"], TODAY, httpserver.url_for("/")))
