"""Checks of the preconditions of the first `up`, through az. Changes nothing."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from components.azure.catalog import arm_segment
from components.settings import Settings
from deploy.stack_file import RefusedError

Ask = Callable[..., Any]
"""Runs a command such as `az`; returns its output, or None if it fails."""
PROVIDERS = (
    "Microsoft.Authorization", "Microsoft.Compute", "Microsoft.ContainerService", "Microsoft.DBforPostgreSQL",
    "Microsoft.KeyVault", "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.Storage",
)  # fmt: skip
GRAPH = {
    "18a4783c-866b-4cc7-a460-3d5e5662c884": "Application.ReadWrite.OwnedBy",
    "62a82d76-70ea-41e2-9197-370581804d09": "Group.ReadWrite.All",
    "06b708a9-e830-4db3-a914-8e69da51d44f": "AppRoleAssignment.ReadWrite.All",
}
"""Id → permission of Microsoft Graph (learn.microsoft.com/graph/permissions-reference)."""
GRAPH_ITSELF = "00000003-0000-0000-c000-000000000000"
ADMINISTRATOR = "Role Based Access Control Administrator"
ROLES = {
    "Contributor": {"Owner", "Contributor"},
    ADMINISTRATOR: {"Owner", "User Access Administrator", ADMINISTRATOR},
}
"""Role → roles that are sufficient."""


class Finding(NamedTuple):
    """The result of one check."""

    what: str
    missing: str = ""
    """Empty if the precondition is met."""
    remedy: str = ""
    """The command to run, or what to do."""

    def __str__(self) -> str:
        if not self.missing:
            return f"  ok       {self.what}"
        return f"  missing  {self.what}: {self.missing}\n           {self.remedy}"


def ask(*command: str) -> Any:
    """Run a command that changes nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except FileNotFoundError:
        raise RefusedError(f"{command[0]} is not on PATH; preflight needs it") from None
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    return json.loads(done.stdout or "null") if command[0] == "az" else done.stdout


def preflight(settings: Settings, ask: Ask = ask) -> list[Finding]:
    """Check everything that the program cannot create itself (docs/getting-started.md)."""
    subscription, tenant = settings.azure.subscription_id, settings.azure.tenant_id
    account = ask("az", "account", "show", "--subscription", subscription)
    if not account or account.get("tenantId") != tenant:
        seen = f"it is in tenant {account.get('tenantId')}" if account else "az has no login for it"
        return [Finding(f"subscription {subscription}", seen, f"az login --tenant {tenant}")]
    found = [Finding(f"subscription {subscription}, as {account['user']['name']}")]
    for check in (providers, versions, quotas, zone, groups, roles, graph):
        for what, met, seen, remedy in check(Question(settings, account["user"], ask)):
            found.append(Finding(what, "" if met else seen, remedy))
    return found


class Question(NamedTuple):
    """Whom the checks ask about what."""

    settings: Settings
    user: Mapping[str, str]
    """The caller's name and type, as az shows them."""
    ask: Ask

    def az(self, *words: str) -> Any:
        """The answer of az about the stack's subscription."""
        return self.ask("az", *words, "--subscription", self.settings.azure.subscription_id)


Answers = Iterator[tuple[str, bool, str, str]]
"""Each precondition, whether it is met, what is there instead, and the remedy."""


def providers(q: Question) -> Answers:
    """The resource providers are registered in the subscription."""
    states = {each["namespace"].lower(): each["registrationState"] for each in q.az("provider", "list") or ()}
    for name in PROVIDERS:
        state = states.get(name.lower(), "unknown")
        command = f"az provider register --namespace {name} --wait --subscription"
        remedy = f"{command} {q.settings.azure.subscription_id}"
        yield f"provider {name}", state == "Registered", f"it is {state}", remedy


def versions(q: Question) -> Answers:
    """AKS offers the Kubernetes version of the stack file in its region."""
    location, wanted = q.settings.azure.location, q.settings.cluster.kubernetes_version
    answer = q.az("aks", "get-versions", "--location", location) or {}
    offered = sorted(one["version"] for one in answer.get("values", []))
    seen = f"AKS in {location} offers {', '.join(offered) or 'nothing'}"
    remedy = "set platform:cluster kubernetesVersion to one of these"
    yield f"Kubernetes {wanted}", wanted in offered, seen, remedy


def quotas(q: Question) -> Answers:
    """The quotas of the region allow all node pools at their maximum."""
    location, cluster, need = q.settings.azure.location, q.settings.cluster, Counter[str]()
    for pool in (cluster.system_pool, *cluster.platform_pools, *cluster.worker_pools):
        name, cores = family(pool.vm_size)
        need.update({name: cores * pool.max_nodes, "cores": cores * pool.max_nodes})
    usage = q.az("vm", "list-usage", "--location", location) or []
    limits = {each["name"]["value"].lower(): int(each["limit"]) for each in usage}
    for name, cores in sorted(need.items()):
        limit = limits.get(name.lower(), 0)
        seen = f"the pools need up to {cores}, and the limit is {limit}"
        remedy = f"request more: portal, Quotas, Compute, {location} (or reduce maxNodes)"
        yield f"cores of {name} in {location}", limit >= cores, seen, remedy


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


def groups(q: Question) -> Answers:
    """The deployers' Entra groups exist."""
    command = "az ad group create --display-name deployers --mail-nickname deployers"
    for group in q.settings.cluster.admin_group_object_ids:
        shown = bool(q.ask("az", "ad", "group", "show", "--group", group))
        seen = "it does not exist or is not readable"
        yield f"Entra group {group}", shown, seen, f"{command}; set its id in the file"


def roles(q: Question) -> Answers:
    """The caller may create resources and assign roles."""
    about = ("--assignee", q.user["name"], "--scope", f"/subscriptions/{q.settings.azure.subscription_id}")
    every = ("--include-inherited", "--include-groups")
    held = q.ask("az", "role", "assignment", "list", *about, *every) or []
    names = {each["roleDefinitionName"] for each in held}
    for role, sufficient in ROLES.items():
        seen = f"{q.user['name']} has {', '.join(sorted(names)) or 'no role'}"
        remedy = f'az role assignment create --role "{role}" {" ".join(about)}'
        yield f"role {role}", bool(names & sufficient), seen, remedy


def graph(q: Question) -> Answers:
    """A service principal may create applications and groups. A person's directory role is not checked."""
    if q.user["type"] != "servicePrincipal":
        return
    who = q.user["name"]
    url = f"https://graph.microsoft.com/v1.0/servicePrincipals(appId='{who}')/appRoleAssignments"
    answer = q.ask("az", "rest", "--method", "get", "--url", url) or {}
    held = {each["appRoleId"] for each in answer.get("value", [])}
    for role, name in GRAPH.items():
        # `az ad app permission` cannot grant to a managed identity, which has no application.
        body = {"principalId": object_id(who), "resourceId": object_id(GRAPH_ITSELF), "appRoleId": role}
        quoted = json.dumps(body).replace('"', '\\"')
        remedy = f'az rest --method post --url "{url}" --body "{quoted}"'
        yield f"Graph permission {name}", role in held, f"{who} does not have it", remedy


def family(size: str) -> tuple[str, int]:
    """Quota family and cores of a VM size: `Standard_D16ds_v5` → standardDDSv5Family, 16."""
    found = re.fullmatch(r"Standard_([A-Z]+)(\d+)([a-z]*)_?(v\d+)?", size)
    if not found:
        return size, 0
    letters, cores, features, version = found.groups()
    return f"standard{letters}{features.upper()}{version or ''}Family", int(cores)


def object_id(app_id: str) -> str:
    """Shell syntax for the object id of a service principal."""
    return f"$(az ad sp show --id {app_id} --query id -o tsv)"
