"""DNS records of the hosts."""

import pulumi_azure_native as az
from pulumi import Output

from components.azure.network.dns_records import TTL, DnsRecords

ZONE = "/subscriptions/s/resourceGroups/dns/providers/Microsoft.Network/dnsZones/ci.example.org"


def test_each_host_has_a_record_with_the_address(run):
    def program():
        DnsRecords(
            "records",
            zone=Output.from_input(ZONE),
            address="20.50.0.1",
            hosts={"concourse": "@", "vault": "vault"},
            provider=az.Provider("azure-dns"),
        )

    recorder = run(program)
    found = {
        each.inputs["relativeRecordSetName"]: each for each in recorder.of_type("azure-native:dns:RecordSet")
    }
    assert set(found) == {"@", "vault"}
    for each in found.values():
        assert (each.inputs["zoneName"], each.inputs["resourceGroupName"]) == ("ci.example.org", "dns")
        assert each.inputs["aRecords"] == [{"ipv4Address": "20.50.0.1"}]
        assert each.inputs["ttl"] == TTL
        assert "::azure-dns::" in each.options["provider"]
