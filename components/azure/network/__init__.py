"""Virtual network, egress, DNS zone and records, and the ingress address."""

from components.azure.network.dns_records import DnsRecords
from components.azure.network.dns_zone import DnsZone
from components.azure.network.network import Network
from components.azure.network.public_ip import IngressPublicIp
from components.azure.network.settings import DnsSettings, NetworkSettings

__all__ = ["DnsRecords", "DnsSettings", "DnsZone", "IngressPublicIp", "Network", "NetworkSettings"]
