"""The DNS zone: existing or new, and its delegation."""

import pulumi_azure_native as az
import pytest
from pulumi import ResourceOptions

from components.azure.network.dns_zone import DnsZone
from components.azure.network.settings import DnsSettings
from components.azure.resource_groups import AzureContext

OTHER = "e7b92c14-0d6a-4b38-9f51-2c8d7a4e6f03"
PARENT = f"/subscriptions/{OTHER}/resourceGroups/shared/providers/Microsoft.Network/dnsZones/example.org"
MADE = {"zone": "ci.staging.example.org", "parentZoneId": PARENT}
ZONE, RECORDS = "azure-native:dns:Zone", "azure-native:dns:RecordSet"


def made(run, keep=None, *, protected=True, **given):
    context = AzureContext("stateful", "westeurope", {"environment": "test"}, protected)
    settings = DnsSettings.model_validate(given)

    def program():
        provider = az.Provider("azure-dns", subscription_id=settings.parent_subscription)
        own = ResourceOptions(providers=[az.Provider("azure")])
        dns = DnsZone("dns", settings, context=context, parent_provider=provider, opts=own)
        if keep:
            dns.zone.apply(lambda zone: keep((dns.name, zone)))

    return run(program)


def record(recorder, name):
    return recorder.named(RECORDS)[name]


def test_only_lets_encrypt_may_issue_for_the_zone(run):
    given = record(made(run, zoneId=PARENT), "dns-authorities")
    assert given.inputs["caaRecords"] == [{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}]
    assert "::azure-dns::" in given.options["provider"]


def test_the_caa_record_can_be_unmanaged(run):
    assert made(run, zoneId=PARENT, authorities=[]).of_type(RECORDS) == []


def test_an_existing_zone_is_not_managed(run):
    kept = []
    recorder = made(run, kept.append, zoneId=PARENT)
    assert kept == [("example.org", PARENT)]
    assert recorder.of_type(ZONE) == []
    [record] = recorder.of_type(RECORDS)
    assert record.name == "dns-authorities"


def test_a_new_zone_is_delegated_in_its_parent(run):
    recorder = made(run, **MADE)
    records = record(recorder, "dns-delegation").inputs
    assert (records["recordType"], records["relativeRecordSetName"]) == ("NS", "ci.staging")
    assert (records["zoneName"], records["resourceGroupName"]) == ("example.org", "shared")
    assert records["nsRecords"] == [
        {"nsdname": "ns1-01.azure-dns.com."},
        {"nsdname": "ns2-01.azure-dns.net."},
    ]


def test_the_parent_zone_can_be_in_another_subscription(run):
    """A record set is created in its provider's subscription."""
    recorder = made(run, **MADE)
    assert "::azure-dns::" in record(recorder, "dns-delegation").options["provider"]
    assert "::azure::" in recorder.one(ZONE).options["provider"]
    providers = recorder.named("pulumi:providers:azure-native")
    assert providers["azure-dns"].inputs["subscriptionId"] == OTHER


def test_a_zone_has_no_region(run):
    """Otherwise it inherits the group's region, which DNS rejects."""
    assert made(run, **MADE).one(ZONE).inputs["location"] == "Global"


@pytest.mark.parametrize("protected", [True, False])
def test_a_zone_is_protected_in_a_protected_stack(run, protected):
    """A new zone of the same name has other name servers."""
    zone = made(run, protected=protected, **MADE).one(ZONE)
    assert zone.options.get("protect", False) is protected
    assert zone.options.get("retainOnDelete", False) is protected


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, ["zoneId"]),
        ({"zoneId": PARENT, "zone": "ci.example.org"}, ["zoneId"]),
        ({"zoneId": PARENT, "parentZoneId": PARENT}, ["zoneId"]),
        ({"zone": "ci.example.org"}, ["parentZoneId"]),
        ({"parentZoneId": PARENT}, ["zone"]),
        ({"zone": "notexample.org", "parentZoneId": PARENT}, ["zone"]),
        ({"zone": "example.org", "parentZoneId": PARENT}, ["zone"]),
        (MADE, []),
        ({"zoneId": PARENT}, []),
    ],
)
def test_a_zone_is_either_existing_or_new(given, keys):
    settings = DnsSettings.model_validate(given)
    found = [problem for check in settings.rules() for problem in check()]
    assert [problem.key for problem in found] == keys
