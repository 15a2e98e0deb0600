"""Value types for stack files, each with a format, an error message and an example."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from components.config.arm_ids import arm_id
from components.config.model import Model, shown


def text(pattern: str, words: str) -> AfterValidator:
    def matching(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{shown(value)} is not {words}")
        return value

    return AfterValidator(matching)


def _network(value: object) -> IPv4Network:
    try:
        return IPv4Network(str(value))
    except (AddressValueError, NetmaskValueError):
        raise ValueError(f"{shown(value)} is not an IPv4 range such as 10.20.0.0/16") from None
    except ValueError:
        raise ValueError(
            f"{value} is an address inside a range; the range is {IPv4Network(str(value), strict=False)}"
        ) from None


def _address(value: object) -> IPv4Address:
    try:
        return IPv4Address(str(value))
    except ValueError:
        raise ValueError(f"{shown(value)} is not an IPv4 address such as 10.0.0.10") from None


PRIVATE = tuple(IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""Private address ranges, not routed on the internet (RFC 1918)."""


SHARED = IPv4Network("100.64.0.0/10")
"""Addresses that carriers share, not routed on the internet (RFC 6598)."""
NOT_ROUTED = tuple(IPv4Network(net) for net in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"))
"""Loopback, link-local and multicast addresses (RFC 6890)."""


def public(value: IPv4Network) -> IPv4Network:
    """Raise ValueError unless Azure sees the range as the address of a client on the internet."""
    if value.prefixlen == 0:
        raise ValueError("0.0.0.0/0 allows everybody; list the networks that need it, such as 203.0.113.0/28")
    if any(value.overlaps(net) for net in (*PRIVATE, SHARED, *NOT_ROUTED)):
        raise ValueError(
            f"{value} is private, so Azure never sees it; use the public address that it is translated to"
        )
    return value


Cidr = Annotated[
    IPv4Network, BeforeValidator(_network), PlainSerializer(str), Field(examples=["10.20.0.0/16"])
]
"""An IPv4 range."""
PublicCidr = Annotated[Cidr, AfterValidator(public), Field(examples=["203.0.113.0/28"])]
"""A range of public addresses, for allow lists."""
Address = Annotated[
    IPv4Address, BeforeValidator(_address), PlainSerializer(str), Field(examples=["10.0.0.10"])
]
"""One IPv4 address."""
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = rf"{_LABEL}(\.{_LABEL})+"
"""Pattern of a domain (RFC 1123)."""
DnsName = Annotated[
    str,
    text(
        rf"(?=.{{3,253}}$){DOMAIN}",
        "a host name: labels of at most 63 lower-case letters, digits and inner dashes, with dots",
    ),
    Field(examples=["ci.example.org"]),
]
"""A fully qualified host name."""
ZoneId = Annotated[
    str,
    AfterValidator(arm_id("a DNS zone's ID", "Microsoft.Network", ("dnsZones", DOMAIN))),
    Field(
        examples=[
            (
                "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e/resourceGroups/dns"
                "/providers/Microsoft.Network/dnsZones/example.org"
            )
        ]
    ),
]
"""Resource ID of a public DNS zone, as shown by the portal and `az network dns zone show`."""
Email = Annotated[
    str, text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"), Field(examples=["delivery@example.org"])
]
"""An e-mail address."""
ResourceId = Annotated[
    str,
    text(
        r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[-\w.()]{1,90}/providers/\S+",
        "an Azure resource ID: /subscriptions/…/resourceGroups/…/providers/…",
    ),
    Field(
        examples=[
            (
                "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e/resourceGroups/state"
                "/providers/Microsoft.KeyVault/vaults/state/keys/state"
            )
        ]
    ),
]
"""An Azure resource ID, as shown by the portal and `az`."""
_EXAMPLE = "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e/resourceGroups/hub/providers/"
SubnetId = Annotated[
    str,
    AfterValidator(
        arm_id(
            "a subnet's ID",
            "Microsoft.Network",
            ("virtualNetworks", r"[-\w.]{1,80}"),
            ("subnets", r"[-\w.]{1,80}"),
        )
    ),
    Field(examples=[_EXAMPLE + "Microsoft.Network/virtualNetworks/spoke/subnets/nodes"]),
]
"""Resource ID of a subnet, as shown by `az network vnet subnet show`."""
PrivateZoneId = Annotated[
    str,
    AfterValidator(arm_id("a private DNS zone's ID", "Microsoft.Network", ("privateDnsZones", DOMAIN))),
    Field(
        examples=[_EXAMPLE + "Microsoft.Network/privateDnsZones/platform.private.postgres.database.azure.com"]
    ),
]
"""Resource ID of a private DNS zone, as shown by `az network private-dns zone show`."""
WorkspaceId = Annotated[
    str,
    AfterValidator(
        arm_id("a workspace's ID", "Microsoft.OperationalInsights", ("workspaces", "[-A-Za-z0-9]{4,63}"))
    ),
    Field(examples=[_EXAMPLE + "Microsoft.OperationalInsights/workspaces/logs"]),
]
"""Resource ID of a Log Analytics workspace, as shown by `az monitor log-analytics workspace show`."""
Pem = Annotated[
    str,
    text(
        r"(?s)(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n*)+",
        "certificates as PEM: blocks of -----BEGIN CERTIFICATE-----, written in YAML after a |",
    ),
    Field(examples=["-----BEGIN CERTIFICATE-----\nMIID…\n-----END CERTIFICATE-----\n"]),
]
"""One or more certificates. Not secret."""
Guid = Annotated[
    str,
    text(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a GUID in lower case, 8-4-4-4-12 hexadecimal digits",
    ),
    Field(examples=["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]),
]
"""An Entra or Azure ID."""
Quantity = Annotated[
    str,
    text(r"[1-9][0-9]*([KMGT]i?|m)?", "a Kubernetes quantity such as 10Gi or 500m"),
    Field(examples=["10Gi"]),
]
"""A quantity in Kubernetes notation."""
Duration = Annotated[
    str,
    text(r"([0-9]+(ms|s|m|h))+", "a duration such as 30s, 2m or 1h30m"),
    Field(examples=["2m"]),
]
"""A duration in Go notation."""
Retention = Annotated[
    str,
    text(r"[1-9][0-9]*[hdw]", "a time to keep data for, such as 15d: hours (h), days (d) or weeks (w)"),
    Field(examples=["15d"]),
]
"""A retention period."""
Epoch = Annotated[
    str, text(r"20[0-9]{2}-(0[1-9]|1[0-2])", "a month such as 2026-11"), Field(examples=["2026-11"])
]
"""Month of the last rotation. Changing it triggers the next one."""
FIRST_EPOCH = "2026-11"
"""Default of every `rotation`. Credentials of this month have no month in their names."""
Zone = Literal["1", "2", "3"]
"""An availability zone of a region."""
ConcourseName = Annotated[
    str,
    text(
        r"[a-z0-9][a-z0-9_.-]{0,49}",
        "a valid Concourse name: at most 50 lower-case letters, digits, _, . and -, starting with a letter "
        "or a digit",
    ),
    Field(examples=["payments"]),
]
"""Name of a team or local user. Commas and colons are excluded because they are list separators."""
StackName = Annotated[
    str,
    text(
        r"[a-z][a-z0-9]{1,11}",
        "a stack's name, which becomes part of Azure names: 2 to 12 of a-z and 0-9, starting with a letter",
    ),
    Field(examples=["staging"]),
]
"""Name of a stack."""
JobName = Annotated[
    str,
    text(
        r"[a-z0-9][a-z0-9_-]{0,49}",
        "a job's name that Azure takes as the name of a credential: at most 50 of a-z, 0-9, _ and -, "
        "starting with a letter or a digit",
    ),
    Field(examples=["release"]),
]
"""Name of a Concourse job that a federated credential is named after."""
GroupRef = Annotated[
    str,
    text(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z][a-z0-9-]{1,49}",
        "an Entra group: its object ID (a GUID in lower case), or a name in entra.groups",
    ),
    Field(examples=["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]),
]
"""An existing Entra group by its object ID, or a group from entra.groups by its name."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
"""A day of the week."""
DatabaseName = Annotated[
    str,
    text(
        r"[a-z][a-z0-9_-]{0,62}",
        "a database's name: lower-case letters, digits, _ and -, at most 63",
    ),
    Field(examples=["concourse-prod"]),
]
"""A database name."""
_SERVER = "[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
_SERVER_ID = arm_id("a database server's ID", "Microsoft.DBforPostgreSQL", ("flexibleServers", _SERVER))


def _server(value: str) -> str:
    if "/" in value:
        return _SERVER_ID(value)
    if not re.fullmatch(_SERVER, value):
        raise ValueError(
            f"{shown(value)} is not the name of a database server: 3 to 63 lower-case letters, digits and -"
        )
    return value


DatabaseServerRef = Annotated[str, AfterValidator(_server), Field(examples=["database1101afd2"])]
"""Name of a PostgreSQL server in the stack's stateful resource group, or its resource ID."""
DatabaseUser = Annotated[
    str,
    text(
        r"(?!(?:azure_superuser|azure_pg_admin|admin|administrator|root|guest|public)$|pg_)[a-z][a-z0-9_]{0,62}",
        "a login that Azure allows: lower-case letters, digits and _, and none of "
        "admin, administrator, root, guest, public, azure_superuser, azure_pg_admin and pg_*",
    ),
    Field(examples=["concourseadmin"]),
]
"""A database login."""


def is_guid(text: str) -> bool:
    """Whether the text is an Entra object ID rather than a group name."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def overlaps(named: dict[str, IPv4Network]) -> Iterator[tuple[str, str]]:
    """Each pair of names with overlapping ranges, in the given order."""
    names = list(named)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if named[name].overlaps(named[other]):
                yield name, other


class Weekly(Model):
    """Weekly maintenance window, in which Azure may restart services."""

    day: Day = "Sunday"
    """Day of the week in UTC."""
    start_hour: int = Field(default=2, ge=0, le=23)
    """Hour of the day in UTC."""
