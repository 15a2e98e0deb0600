"""Checks of the subscription: resource providers and the caller's roles."""

from deploy.preflight.question import Answers, Question

PROVIDERS = (
    "Microsoft.Authorization", "Microsoft.Compute", "Microsoft.ContainerService", "Microsoft.DBforPostgreSQL",
    "Microsoft.KeyVault", "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.Storage",
)  # fmt: skip
ADMINISTRATOR = "Role Based Access Control Administrator"
DNS_CONTRIBUTOR = "DNS Zone Contributor"
NETWORK_CONTRIBUTOR = "Network Contributor"
PRIVATE_DNS_CONTRIBUTOR = "Private DNS Zone Contributor"
ROLES = {
    "Contributor": {"Owner", "Contributor"},
    ADMINISTRATOR: {"Owner", "User Access Administrator", ADMINISTRATOR},
    DNS_CONTRIBUTOR: {"Owner", "Contributor", DNS_CONTRIBUTOR},
    NETWORK_CONTRIBUTOR: {"Owner", "Contributor", NETWORK_CONTRIBUTOR},
    PRIVATE_DNS_CONTRIBUTOR: {"Owner", "Contributor", PRIVATE_DNS_CONTRIBUTOR},
}
"""Role → roles that are sufficient."""


def providers(q: Question) -> Answers:
    """The resource providers are registered in the subscription."""
    states = {each["namespace"].lower(): each["registrationState"] for each in q.az("provider", "list") or ()}
    logging, alerts = q.settings.logging, q.settings.monitoring.azure_monitor
    own = logging.workspace.enabled and not logging.workspace_id
    more = ["Microsoft.OperationalInsights"] if own else []
    if own or logging.workspace_id or alerts.receivers:
        more.append("Microsoft.Insights")
    for name in (*PROVIDERS, *more):
        state = states.get(name.lower(), "unknown")
        command = f"az provider register --namespace {name} --wait --subscription"
        remedy = f"{command} {q.settings.azure.subscription_id}"
        yield f"provider {name}", state == "Registered", f"it is {state}", remedy


def roles(q: Question) -> Answers:
    """The caller may create resources and assign roles."""
    scope = f"/subscriptions/{q.settings.azure.subscription_id}"
    for role in ("Contributor", ADMINISTRATOR):
        yield f"role {role}", *held(q, role, scope)


def held(q: Question, role: str, scope: str) -> tuple[bool, str, str]:
    """Whether the caller has a role, or one above it, at a scope; what it has, and the remedy."""
    about = ("--assignee", q.user["name"], "--scope", scope)
    every = ("--include-inherited", "--include-groups")
    found = q.ask("az", "role", "assignment", "list", *about, *every) or []
    names = {each["roleDefinitionName"] for each in found}
    seen = f"{q.user['name']} has {', '.join(sorted(names)) or 'no role'}"
    return bool(names & ROLES[role]), seen, f'az role assignment create --role "{role}" {" ".join(about)}'
