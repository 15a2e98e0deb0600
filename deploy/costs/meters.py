"""The meters by which Azure bills what a stack has, in the words of the Azure Retail Prices API.

learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices describes the fields.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.azure.catalog import DATABASE_SKUS, EPHEMERAL_GB

HOUR, MONTH, GB_MONTH, GB, OPERATIONS = "1 Hour", "1/Month", "1 GB/Month", "1 GB", "10K"
EVERYWHERE = "Global"
"""In place of a region for meters that have none."""
SERIES = {"s_v3": "Dsv3 Esv3", "ds_v4": "Ddsv4 Edsv4", "ds_v5": "Ddsv5 Edsv5", "ads_v5": "Dadsv5 Eadsv5"}
_TIERS = {"GeneralPurpose": "General Purpose", "MemoryOptimized": "Memory Optimized"}
SERVER = "Azure Database for PostgreSQL Flexible Server"
DISK_GB = {
    "P4": 32, "P6": 64, "P10": 128, "P15": 256, "P20": 512, "P30": 1024, "P40": 2048, "P50": 4096,
    "P60": 8192,
}  # fmt: skip
"""GiB up to which a Premium SSD has a tier; a disk is billed as the next tier
(learn.microsoft.com/azure/virtual-machines/disks-types)."""


class Meter(NamedTuple):
    """A meter, and how to find its price in an answer of the API."""

    name: str
    """Its name in prices.yaml."""
    unit: str
    """unitOfMeasure."""
    query: Mapping[str, str]
    """Fields of the filter, beside the region. Several meters have the same one."""
    match: Mapping[str, str]
    """Fields of the item; case does not matter, because Azure writes `B2S` and `B2ms`."""
    region: str = ""
    """`Global` if the price is the same in all regions."""


def meters() -> Iterator[Meter]:
    """All meters that `parts` uses."""
    for size in EPHEMERAL_GB:
        sku = size.removeprefix("Standard_").replace("_", " ")
        yield Meter(size, HOUR, {"serviceName": "Virtual Machines", "armSkuName": size}, {"skuName": sku})
    for product, sku in dict.fromkeys(_database(size)[:2] for size in DATABASE_SKUS):
        query = {"serviceName": "Azure Database for PostgreSQL", "productName": product}
        yield Meter(f"{product}, {sku}", HOUR, query, {"skuName": sku})
    storage = {
        "serviceName": "Azure Database for PostgreSQL",
        "productName": "Az DB for PostgreSQL Flexible Server Storage",
    }
    yield Meter("PostgreSQL storage", GB_MONTH, storage, {"skuName": "Storage"})
    disks = {"serviceName": "Storage", "productName": "Premium SSD Managed Disks"}
    for tier in DISK_GB:
        for redundancy in ("LRS", "ZRS"):
            name = f"{tier} {redundancy} Disk"
            yield Meter(name, MONTH, disks, {"meterName": name})
    blobs = {"serviceName": "Storage", "productName": "General Block Blob v2"}
    for redundancy in ("LRS", "ZRS", "GRS", "RA-GRS", "GZRS", "RA-GZRS"):
        name = f"Hot {redundancy} Data Stored"
        yield Meter(name, GB_MONTH, blobs, {"meterName": name})
    for name, unit, service, sku, meter, region in (
        ("AKS Standard", HOUR, "Azure Kubernetes Service", "Standard", "Standard Uptime SLA", ""),
        ("Public IP", HOUR, "Virtual Network", "Standard", "Standard IPv4 Static Public IP", ""),
        ("NAT gateway", HOUR, "NAT Gateway", "Standard", "Standard Gateway", ""),
        (
            "Load balancer", HOUR, "Load Balancer", "Standard",
            "Standard Included LB Rules and Outbound Rules", EVERYWHERE,
        ),
        ("Key Vault operations", OPERATIONS, "Key Vault", "Standard", "Operations", ""),
        ("Log Analytics", GB, "Log Analytics", "Analytics Logs", "Analytics Logs Data Ingestion", ""),
    ):  # fmt: skip
        yield Meter(name, unit, {"serviceName": service}, {"skuName": sku, "meterName": meter}, region)


def database(size: str) -> tuple[str, int]:
    """The meter of a PostgreSQL server's size, and how often it counts: vCores are billed one by one."""
    product, sku, number = _database(size)
    return f"{product}, {sku}", number


def _database(size: str) -> tuple[str, str, int]:
    if DATABASE_SKUS[size].tier == "Burstable":
        return f"{SERVER} Burstable BS Series Compute", size.removeprefix("Standard_"), 1
    found = re.fullmatch(r"Standard_([DE])(\d+)(.+)", size)
    assert found, size  # noqa: S101 the table's own form
    series = SERIES[found[3]].split()["DE".index(found[1])]
    tier = _TIERS[DATABASE_SKUS[size].tier]
    return f"{SERVER} {tier} {series} Series Compute", "1 vCore", int(found[2])


def disk(gigabytes: int, redundancy: str) -> str:
    """The meter of a Premium SSD; empty if it is larger than all tiers."""
    tiers = (tier for tier, size in DISK_GB.items() if gigabytes <= size)
    return f"{tier} {redundancy} Disk" if (tier := next(tiers, "")) else ""
