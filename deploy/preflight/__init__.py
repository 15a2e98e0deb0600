"""Checks of the preconditions of the first `up`, through az. Changes nothing."""

from functools import cache

from components.settings import Settings
from deploy.preflight import brought, compute, dns, entra, postgres, subscription
from deploy.preflight.question import Ask, Finding, Question, ask

CHECKS = (
    subscription.providers, subscription.roles, brought.network, brought.subnets, brought.zones,
    brought.workspace, compute.versions, compute.sizes, compute.quotas,
    postgres.server, dns.zone, dns.roles, entra.groups, entra.permissions, entra.owners, entra.passwords,
)  # fmt: skip


def preflight(settings: Settings, ask: Ask = ask) -> list[Finding]:
    """Check everything that the program cannot create itself (docs/getting-started.md)."""
    ask = cache(ask)  # several checks ask az the same, and each answer takes seconds
    id_, tenant = settings.azure.subscription_id, settings.azure.tenant_id
    account = ask("az", "account", "show", "--subscription", id_)
    if not account or account.get("tenantId") != tenant:
        seen = f"it is in tenant {account.get('tenantId')}" if account else "az has no login for it"
        return [Finding(f"subscription {id_}", seen, f"az login --tenant {tenant}")]
    found = [Finding(f"subscription {id_}, as {account['user']['name']}")]
    for check in CHECKS:
        for what, met, seen, remedy in check(Question(settings, account["user"], ask)):
            found.append(Finding(what, "" if met else seen, remedy))
    return found
