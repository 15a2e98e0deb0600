"""IDs of Azure resources: accepted in any spelling of Azure's tools, refused with the word that is wrong."""

import pytest
from pydantic import TypeAdapter, ValidationError

from components.config.types import SubnetId, ZoneId

SUBSCRIPTION = "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/Spoke"
ADAPTER = TypeAdapter(SubnetId)


@pytest.mark.parametrize(
    "given",
    [
        f"{NETWORK}/subnets/Nodes",
        f"{NETWORK}/subnets/Nodes".replace("resourceGroups", "resourcegroups"),
        f"{NETWORK}/Subnets/Nodes".replace("virtualNetworks", "virtualnetworks"),
        f"{NETWORK}/subnets/Nodes".replace("Microsoft.Network", "microsoft.network"),
        f"{NETWORK}/subnets/Nodes".replace("6a1f0c3e", "6A1F0C3E"),
    ],
)
def test_an_id_has_one_spelling_however_azures_tools_print_it(given):
    assert ADAPTER.validate_python(given) == f"{NETWORK}/subnets/Nodes"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nodes", "it starts with /subscriptions/"),
        ("", "it starts with /subscriptions/"),
        (NETWORK, "it ends before /subnets/"),
        (f"{NETWORK}/", "'' should be subnets"),
        (f"{NETWORK}/subnet/nodes", "'subnet' should be subnets"),
        (f"{NETWORK}/subnets", "'' cannot be after /subnets/"),
        (f"{NETWORK}/subnets/a b", "'a b' cannot be after /subnets/"),
        (f"{NETWORK}/subnets/nodes/x", "'/x' is too much"),
        (f"{NETWORK}/subnets/nodes".replace("6a1f0c3e", "6a1f"), "cannot be after /subscriptions/"),
        (f"{NETWORK}/subnets/nodes".replace("Network/", "Networks/"), "'Microsoft.Networks' cannot be after"),
        (f"/subscriptions{NETWORK}/subnets/nodes", "'subscriptions' cannot be after /subscriptions/"),
    ],
)
def test_a_wrong_id_is_refused_with_the_word_that_is_wrong(given, told):
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python(given)
    [error] = refused.value.errors()
    text = str(error["ctx"]["error"])
    known = "a subnet's ID: /subscriptions/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…"
    assert f"is not {known}" in text
    assert told in text


def test_the_name_of_a_zone_keeps_its_rules():
    zone = f"{SUBSCRIPTION}/resourcegroups/dns/providers/Microsoft.Network/dnszones/ci.example.org"
    assert TypeAdapter(ZoneId).validate_python(zone).endswith("/dnsZones/ci.example.org")
    with pytest.raises(ValidationError, match=r"'-a\.org' cannot be after /dnsZones/"):
        TypeAdapter(ZoneId).validate_python(zone.replace("ci.example.org", "-a.org"))
