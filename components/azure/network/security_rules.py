"""Inbound security rules beyond Azure's defaults (allow all from inside the network, none from outside)."""

from collections.abc import Mapping
from ipaddress import IPv4Network

import pulumi_azure_native as az

WEB_PORTS = ("80", "443")
POSTGRES_PORTS = ("5432", "6432")
"""Ports of the PostgreSQL server and its connection pooler."""


def node_rules() -> list["az.network.SecurityRuleArgs"]:
    """Allow web traffic from the internet. The ingress has its own allow list."""
    return [_rule("web", 100, "Allow", ports=WEB_PORTS, source="Internet")]


def database_rules(ranges: Mapping[str, IPv4Network]) -> list["az.network.SecurityRuleArgs"]:
    """Allow PostgreSQL traffic only from nodes (pods use their node's address) and the standby server."""
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
