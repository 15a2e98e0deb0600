"""Tables of Azure regions and sizes for validating settings, and a parser for resource IDs."""

import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from components.config.model import shown, suggestion


class Region(NamedTuple):
    """The properties of a region that the platform's settings depend on."""

    zones: bool
    """Has three availability zones."""
    paired: bool
    """Has a paired region, the target of geo-redundant database backups."""


# Public regions (learn.microsoft.com/azure/reliability/regions-list, 2026).
_ZONES_AND_PAIR = """
    australiaeast brazilsouth canadacentral centralindia centralus eastasia eastus eastus2
    francecentral germanywestcentral japaneast japanwest koreacentral northeurope norwayeast
    southafricanorth southcentralus southeastasia swedencentral switzerlandnorth uaenorth uksouth
    westeurope westus2 westus3"""
_ZONES_ONLY = """
    austriaeast belgiumcentral chilecentral indonesiacentral israelcentral italynorth malaysiawest
    mexicocentral newzealandnorth polandcentral qatarcentral spaincentral"""
_PAIR_ONLY = """
    australiasoutheast canadaeast koreasouth northcentralus southindia ukwest westcentralus
    westus"""
LOCATIONS: Mapping[str, Region] = (
    dict.fromkeys(_ZONES_AND_PAIR.split(), Region(zones=True, paired=True))
    | dict.fromkeys(_ZONES_ONLY.split(), Region(zones=True, paired=False))
    | dict.fromkeys(_PAIR_ONLY.split(), Region(zones=False, paired=True))
)


# What PostgreSQL lacks in a region for everybody (learn.microsoft.com/azure/postgresql/overview, its table of
# regions, 2025-12). What is closed only for a while, or to a subscription, `preflight` asks.
POSTGRES_WITHOUT_ZONES = frozenset({"japanwest"})
"""Regions with zones in which PostgreSQL has no zone-redundant standby."""
POSTGRES_WITHOUT_GEO_BACKUP = frozenset({"brazilsouth", "westus3"})
"""Regions with a paired region in which PostgreSQL has no geo-redundant backup."""
_WITHOUT_V5 = """
    eastus2 israelcentral japaneast mexicocentral polandcentral qatarcentral southcentralus southeastasia
    spaincentral westus2"""
POSTGRES_WITHOUT_V5 = frozenset(_WITHOUT_V5.split())
"""Regions without the sizes ds_v5 for PostgreSQL."""
_WITH_AMD = """
    australiaeast austriaeast belgiumcentral canadacentral canadaeast chilecentral eastus indonesiacentral
    malaysiawest northcentralus norwayeast uksouth ukwest westus westus3"""
POSTGRES_WITH_AMD = frozenset(_WITH_AMD.split())
"""Regions with the sizes ads_v5 for PostgreSQL."""


def _location(value: str) -> str:
    if value not in LOCATIONS:
        if value.startswith(("usgov", "usdod", "china")):
            raise ValueError(f"{value} is in another cloud; only Azure's public cloud is supported")
        near = suggestion(value.lower().replace(" ", ""), LOCATIONS)
        raise ValueError(f"{shown(value)} is not a region known here; {near}")
    return value


AzureLocation = Annotated[str, AfterValidator(_location), Field(examples=["westeurope"])]
"""An Azure region by its short name."""


def zones(location: str) -> list[str] | None:
    """All zones of a region, for zone-redundant resources; None in a region without zones."""
    return ["1", "2", "3"] if LOCATIONS[location].zones else None


# GiB of a VM size's cache or temporary disk, whichever is larger: the limit for an ephemeral OS disk
# (learn.microsoft.com/azure/virtual-machines/sizes; AKS picks the larger of the two).
_PER_CORES = {2: 75, 4: 150, 8: 300, 16: 600, 32: 1200, 48: 1800}
EPHEMERAL_GB: Mapping[str, int] = {
    f"Standard_{family}{cores}{series}": size
    for family in "DE"
    for series in ("ds_v5", "ads_v5")
    for cores, size in _PER_CORES.items()
} | {"Standard_L8s_v3": 80, "Standard_L16s_v3": 160, "Standard_L32s_v3": 320}


VM_SIZE = re.compile(
    r"Standard_[ABDEFGHLMNP][A-Z]{0,2}(?P<cores>[0-9]+)(?P<features>[a-z]*)(_[A-Z][A-Z0-9]*|_[0-9]+|_cc)*"
    r"(_v[0-9]+)?(_Promo)?"
)
"""Azure's names of VM sizes: family, cores, features, accelerators or memory, version
(learn.microsoft.com/azure/virtual-machines/vm-naming-conventions)."""
VM_FEATURES = frozenset("abcdeilmnoprstx")
"""Letters after the cores (same page; e, n, o, r and x from the series' own pages, as in M896ixds_32_v3)."""
ARM = "p"
"""The letter of ARM processors."""


class DatabaseSku(NamedTuple):
    """A size of a PostgreSQL flexible server."""

    tier: str
    memory: int
    """GiB."""


_B = {"1ms": 2, "2s": 4, "2ms": 8, "4ms": 16, "8ms": 32, "12ms": 48, "16ms": 64, "20ms": 80}
_CORES = (2, 4, 8, 16, 32, 48, 64)
DATABASE_SKUS: Mapping[str, DatabaseSku] = (
    {f"Standard_B{size}": DatabaseSku("Burstable", memory) for size, memory in _B.items()}
    | {
        f"Standard_D{cores}{series}": DatabaseSku("GeneralPurpose", 4 * cores)
        for series in ("s_v3", "ds_v4", "ds_v5", "ads_v5")
        for cores in _CORES
    }
    | {
        f"Standard_E{cores}{series}": DatabaseSku("MemoryOptimized", 8 * cores)
        for series in ("s_v3", "ds_v4", "ds_v5", "ads_v5")
        for cores in _CORES
    }
)

_MAX_CONNECTIONS = {2: 50, 4: 429, 8: 859, 16: 1718, 32: 3437}
_RESERVED_CONNECTIONS = 15


def user_connections(sku: str) -> int:
    """Number of connections available to users on a server of this size.

    `max_connections` depends on memory, up to 5000. Azure reserves 15 for replication and
    monitoring (learn.microsoft.com/azure/postgresql/flexible-server/concepts-limits).
    """
    return _MAX_CONNECTIONS.get(DATABASE_SKUS[sku].memory, 5000) - _RESERVED_CONNECTIONS


DATABASE_STORAGE_GB = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
"""GiB of a flexible server's Premium SSD (…/flexible-server/concepts-storage); up to 16 TiB."""


def arm_segment(id_: str, segment: str) -> str:
    """The name after a segment of a resource ID: `arm_segment(id_, "resourceGroups")`."""
    words = id_.split("/")
    return words[words.index(segment) + 1]
