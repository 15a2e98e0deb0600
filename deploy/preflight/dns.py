"""Checks of the DNS zone: it exists, the public delegates to it, and the caller may write into it."""

import re

from components.azure.catalog import arm_segment
from deploy.preflight.question import Answers, Question
from deploy.preflight.subscription import ADMINISTRATOR, DNS_CONTRIBUTOR, held


def zone(q: Question) -> Answers:
    """The DNS zone exists, and its parent delegates to its name servers."""
    id_ = q.settings.dns.zone_id or str(q.settings.dns.parent_zone_id)
    name, shown = arm_segment(id_, "dnsZones"), q.ask("az", "network", "dns", "zone", "show", "--ids", id_)
    if not shown:
        seen = f"{id_} does not exist or is not readable"
        yield f"DNS zone {name}", False, seen, "create it or fix the id"
        return
    servers = {server.rstrip(".").lower() for server in shown.get("nameServers") or ()}
    answer = q.ask("nslookup", "-type=NS", name) or ""
    public = {found.rstrip(".").lower() for found in re.findall(r"nameserver = (\S+)", answer)}
    seen = f"the public name servers are {', '.join(sorted(public)) or 'none'}"
    remedy = f"at the registrar or in the parent zone, delegate it to {', '.join(sorted(servers))}"
    yield f"delegation of {name}", bool(servers) and servers <= public, seen, remedy


def roles(q: Question) -> Answers:
    """The caller may write records into the zone, and give a role on an existing one to cert-manager."""
    dns = q.settings.dns
    id_ = dns.zone_id or str(dns.parent_zone_id)
    for role in (DNS_CONTRIBUTOR, ADMINISTRATOR) if dns.zone_id else (DNS_CONTRIBUTOR,):
        met, seen, remedy = held(q, role, id_)
        if not dns.zone_id:
            remedy = f"set this deployer's parentZoneId in platform:deployers, or {remedy}"
        yield f"role {role} on {arm_segment(id_, 'dnsZones')}", met, seen, remedy
