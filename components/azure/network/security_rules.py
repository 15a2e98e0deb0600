"""Which connections subnets let in beyond Azure's defaults: all from inside, none from outside."""

from collections.abc import Mapping
from ipaddress import IPv4Network

import pulumi_azure_native as az

WEB_PORTS = ("80", "443")
POSTGRES_PORTS = ("5432", "6432")
"""The server's, and its connection pooler's."""


def node_rules() -> list["az.network.SecurityRuleArgs"]:
    """Web traffic reaches the ingress, which has its own list of whom it serves."""
    return [_rule("web", 100, "Allow", ports=WEB_PORTS, source="Internet")]


def database_rules(ranges: Mapping[str, IPv4Network]) -> list["az.network.SecurityRuleArgs"]:
    """Only nodes reach PostgreSQL (pods go out by their node's address), and its standby does."""
    if "database" not in ranges:
        return []
    database = str(ranges["database"])
    return [
        _rule("nodes", 100, "Allow", ports=POSTGRES_PORTS, source=str(ranges["nodes"]), to=database),
        _rule("standby", 110, "Allow", ports=POSTGRES_PORTS, source=database, to=database),
        _rule("others", 120, "Deny", ports=POSTGRES_PORTS, source="VirtualNetwork", to=database),
    ]


def _rule(
    name: str, priority: int, access: str, *, ports: tuple[str, ...], source: str, to: str = "*"
) -> "az.network.SecurityRuleArgs":
    return az.network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction="Inbound",
        access=access,
        protocol="Tcp",
        source_address_prefix=source,
        source_port_range="*",
        destination_address_prefix=to,
        destination_port_ranges=list(ports),
    )
