"""Value types of settings."""

from ipaddress import IPv4Network

import pytest
from pydantic import TypeAdapter, ValidationError

from components.azure import catalog
from components.azure.aks.pool_settings import PoolName
from components.config import model, types

GUID = "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (types.Cidr, "10.0.0.0/8", ["10.0.0.1/8", "10.0.0.0/33", "fd00::/8", 10, None]),
        (types.PublicCidr, "203.0.113.0/28", ["0.0.0.0/0", "10.1.0.0/16", "172.16.0.0/12", "128.0.0.0/1"]),
        (types.Address, "10.0.0.10", ["10.0.0", "10.0.0.0/24", "host"]),
        (types.DnsName, "ci.example.org", ["ci", "CI.example.org", "ci.example.org.", "a_b.example.org"]),
        (
            types.Guid,
            "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e",
            ["6a1f0c3e", "6A1F0C3E-5B7D-4E2A-9C48-1D0F2B3A4C5E"],
        ),
        (catalog.AzureLocation, "westeurope", ["West Europe", "mars"]),
        (types.Quantity, "10Gi", ["10GB", "ten", "-1"]),
        (PoolName, "workers12", ["workers", "1workers", "Workers1", "workers-1", "concourseworkers1"]),
        (types.Epoch, "2026-11", ["2026", "November", "26-11"]),
        (types.DatabaseUser, "concourseadmin", ["admin", "pg_admin", "azure_superuser", "root", "Con", "1a"]),
        (types.DatabaseName, "concourse-prod", ["Concourse", "1st", "a" * 64]),
    ],
)
def test_each_type_accepts_what_azure_accepts(kind, good, bad):
    reader = TypeAdapter(kind)
    reader.validate_python(good)
    for value in bad:
        with pytest.raises(ValidationError):
            reader.validate_python(value)


def test_a_login_that_only_starts_with_a_reserved_word_is_allowed():
    TypeAdapter(types.DatabaseUser).validate_python("administrators")


@pytest.mark.parametrize("location", catalog.LOCATIONS)
def test_every_known_region_has_zones_or_a_pair(location):
    assert catalog.LOCATIONS[location].zones or catalog.LOCATIONS[location].paired


@pytest.mark.parametrize(
    ("sku", "connections"),
    [
        ("Standard_B1ms", 35),
        ("Standard_B2s", 414),
        ("Standard_D2ds_v5", 844),
        ("Standard_D4ads_v5", 1703),
        ("Standard_E4ds_v4", 3422),
        ("Standard_D64s_v3", 4985),
    ],
)
def test_connection_limits_match_azures_table(sku, connections):
    """learn.microsoft.com/azure/postgresql/flexible-server/concepts-limits, "maximum user connections"."""
    assert catalog.user_connections(sku) == connections


def test_overlapping_ranges_are_returned_in_pairs():
    named = {
        name: IPv4Network(net)
        for name, net in (("a", "10.0.0.0/8"), ("b", "10.1.0.0/16"), ("c", "11.0.0.0/8"))
    }
    assert list(types.overlaps(named)) == [("a", "b")]


def test_a_suggestion_is_the_closest_word_or_all_words():
    assert model.suggestion("zzz", ["one", "two"]) == "choose from one, two"
    assert model.suggestion("tow", ["one", "two"]) == "did you mean two?"


def test_an_arm_segment_is_the_name_after_it():
    id_ = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/things/t"
    assert [catalog.arm_segment(id_, kind) for kind in ("subscriptions", "resourceGroups", "things")] == [
        "s",
        "g",
        "t",
    ]
