"""The estimate of monthly costs: only from prices with a source, and what has none is counted."""

import json
import re
from datetime import date

import pytest

from components.azure.catalog import DATABASE_SKUS, EPHEMERAL_GB
from components.concourse.worker_values import cores
from deploy.costs import meters
from deploy.costs.estimate import METERS, Estimate, difference, usd
from deploy.costs.parts import parts
from deploy.costs.price_list import Answer, answers, price, write
from deploy.render import RELEASE, UNKNOWN
from deploy.stack_file import settings
from tests.support.recorder import STACKS

REGION = "northeurope"
AZURE = "azure-native:"
PRICES = [
    Answer(
        "https://example.org/a", date(2026, 1, 2), REGION, {"Standard_D4ds_v5": 0.2, "P10 ZRS Disk": 30.0}
    ),
    Answer("https://example.org/b", date(2026, 3, 4), "Global", {"Load balancer": 0.025}),
]
POOL = {"vmSize": "Standard_D4ds_v5", "minCount": 1, "maxCount": 3, "osDiskType": "Ephemeral"}


def estimate(*resources):
    return Estimate.of([(AZURE + type_, name, inputs) for type_, name, inputs in resources], REGION, PRICES)


def test_a_pool_costs_as_much_as_its_fewest_to_its_most_nodes():
    found = estimate(("containerservice:AgentPool", "workers", POOL))
    assert (found.least, found.most) == pytest.approx((0.2 * 730, 0.2 * 730 * 3))
    assert [line.part.what for line in found.lines] == ["1-3 x Standard_D4ds_v5"]


def test_the_system_pool_and_the_load_balancer_come_with_the_cluster():
    cluster = {"agentPoolProfiles": [POOL | {"name": "system"}], "sku": {"tier": "Standard"}}
    found = estimate(("containerservice:ManagedCluster", "cluster", cluster))
    assert {line.part.name: line.price for line in found.lines} == {
        "ManagedCluster cluster, pool system": 0.2,
        "ManagedCluster cluster": None,
        "ManagedCluster cluster, load balancer": 0.025,
    }


@pytest.mark.parametrize(
    ("type_", "inputs", "name"),
    [
        ("containerservice:AgentPool", POOL | {"scaleSetPriority": "Spot"}, "AgentPool a"),
        ("containerservice:AgentPool", POOL | {"vmSize": "Standard_D4ads_v5"}, "AgentPool a"),
        ("network:PublicIPAddress", {}, "PublicIPAddress a"),
        ("cache:Redis", {}, "Redis a"),
    ],
)
def test_what_has_no_price_is_named_and_counted_and_never_guessed(type_, inputs, name):
    found = estimate((type_, "a", inputs))
    assert found.most == 0
    assert found.uncounted == f"not counted: 1 without a price ({name})"
    assert str(found.lines[0]) == "no price"


def test_what_costs_nothing_is_neither_priced_nor_counted():
    assert not estimate(("network:VirtualNetwork", "a", {}), ("authorization:RoleAssignment", "b", {})).lines


def test_a_standby_doubles_the_server_and_its_storage():
    def server(mode):
        inputs = {"sku": {"name": "Standard_D4ds_v5"}, "storage": {"storageSizeGB": 64.0}}
        return list(
            parts(
                AZURE + "dbforpostgresql:Server", "a", inputs | {"highAvailability": {"mode": mode}}, REGION
            )
        )

    assert [part.most for part in server("Disabled")] == [4, 64]
    assert [part.most for part in server("ZoneRedundant")] == [8, 128]


def test_a_restored_servers_storage_has_no_price_because_it_is_its_sources():
    inputs = {"sku": {"name": "Standard_D4ds_v5"}, "storage": {"storageSizeGB": None}}
    server, storage = parts(AZURE + "dbforpostgresql:Server", "a", inputs, REGION)
    assert server.most == 4
    assert (storage.meter, storage.most) == ("", 0)
    assert "its source" in storage.what


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"server": {"replicas": 3, "storageClass": "retain", "storage": "8Gi"}}, ["3 x 8 GiB ZRS"]),
        ({"a": {"ha": {"replicas": 3}, "b": {"storageClass": "retain", "size": "6Gi"}}}, ["3 x 6 GiB ZRS"]),
        ({"persistence": {"storageClassName": "retain", "size": "1Ti"}}, ["1 x 1024 GiB ZRS"]),
        (
            {
                "concourse": {"worker": {"autoscaling": {"maxReplicas": 4}}},
                "worker": {"replicas": 2, "volumes": [{"claim": {"spec": {"storageClassName": "scratch",
                    "resources": {"requests": {"storage": "128Gi"}}}}}]},
            },
            ["2-4 x 128 GiB LRS"],
        ),
        ({"persistence": {"storageClassName": "somebody's", "size": "8Gi"}}, []),
    ],
)  # fmt: skip
def test_the_disks_that_pods_claim_are_found_in_a_charts_values(values, what):
    assert [part.what for part in parts(RELEASE, "a", {"values": values}, REGION)] == what


def test_a_difference_has_only_what_differs():
    before = estimate(("containerservice:AgentPool", "a", POOL), ("containerservice:AgentPool", "b", POOL))
    after = estimate(
        ("containerservice:AgentPool", "a", POOL), ("containerservice:AgentPool", "b", POOL | {"maxCount": 4})
    )
    [(old, new)] = difference(before, after)
    assert (old.part.what, new.part.what) == ("1-3 x Standard_D4ds_v5", "1-4 x Standard_D4ds_v5")
    assert usd(after.least - before.least, after.most - before.most, signed=True) == "+0 to +146"


def test_each_price_has_a_meter_a_page_and_the_day_when_it_was_read():
    for answer in answers():
        assert answer.source.startswith("https://")
        assert isinstance(answer.date, date)
        assert set(answer.prices) <= set(METERS)
        assert all(value > 0 for value in answer.prices.values())


@pytest.mark.parametrize("region", ["northeurope", "westeurope"])
def test_sizes_of_a_series_cost_the_same_for_each_core(region):
    """A price that does not fit is that of Windows."""
    series = {}
    for size in EPHEMERAL_GB:
        if (found := price(size, region, answers())) is not None:
            series.setdefault(re.sub(r"\d+", "", size, count=1), set()).add(round(found / cores(size), 4))
    assert series
    assert all(len(prices) == 1 for prices in series.values())


@pytest.mark.parametrize("size", DATABASE_SKUS)
def test_each_size_of_the_database_has_a_meter(size):
    assert meters.database(size)[0] in METERS


@pytest.mark.parametrize(
    ("size", "tier"), [(4, "P4 ZRS Disk"), (32, "P4 ZRS Disk"), (33, "P6 ZRS Disk"), (9000, "")]
)
def test_a_disk_is_billed_as_the_next_tier(size, tier):
    assert meters.disk(size, "ZRS") == tier


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_have_few_parts_without_a_price(run_stack, stack):
    resources = [(each.type, each.name, each.inputs) for each in run_stack(stack).resources]
    found = Estimate.of(resources, settings(stack).azure.location)
    assert 400 < found.least < found.most
    unknown = {line.part.name.split()[0] for line in found.lines if line.price is None}
    assert unknown <= {"Zone", "PrivateZone", "MetricAlert", "ActionGroup"}


def test_the_file_of_prices_is_written_as_it_is_read(tmp_path):
    file = tmp_path / "prices.yaml"
    write(PRICES, file)
    assert list(answers(file)) == PRICES


def test_the_first_preview_counts_disks_whose_class_it_does_not_know():
    """Names of storage classes are known once these exist: a new stack would seem cheaper than it is."""
    kept = {"persistence": {"storageClass": "retain", "size": "64Gi"}}
    spec = {"storageClassName": "scratch", "resources": {"requests": {"storage": "256Gi"}}}
    worker = {"volumes": [{"ephemeral": {"volumeClaimTemplate": {"spec": spec}}}]}
    known = {"grafana": kept, "worker": worker}
    unknown = json.loads(re.sub("retain|scratch", UNKNOWN, json.dumps(known)))
    one, other = (list(parts(RELEASE, "a", {"values": values}, REGION)) for values in (unknown, known))
    assert one == other
    assert [part.what for part in one] == ["1 x 64 GiB ZRS", "1 x 256 GiB LRS"]
