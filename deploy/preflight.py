"""Checks of the preconditions of the first `up`, through az. Changes nothing."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
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
WRITE, GRANT = (
    {"Owner", "Contributor"},
    {"Owner", "User Access Administrator", "Role Based Access Control Administrator"},
)


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
        return f"  missing  {self.what}: {self.missing}" + (
            f"\n           {self.remedy}" if self.remedy else ""
        )


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
    subscription = settings.azure.subscription_id
    account = ask("az", "account", "show", "--subscription", subscription)
    if not account or account.get("tenantId") != settings.azure.tenant_id:
        seen = "az has no login for it" if not account else f"it is in tenant {account.get('tenantId')}"
        remedy = f"az login --tenant {settings.azure.tenant_id}"
        return [Finding(f"subscription {subscription}", seen, remedy)]
    found = [Finding(f"subscription {subscription}, as {account['user']['name']}")]
    for check in (providers, versions, quotas, zone, groups, roles, graph):
        found += check(settings, account, ask)
    return found


def providers(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:  # noqa: ARG001
    """The resource providers are registered in the subscription."""
    subscription = account["id"]
    known = ask("az", "provider", "list", "--subscription", subscription) or []
    states = {each["namespace"].lower(): each["registrationState"] for each in known}
    for name in PROVIDERS:
        state = states.get(name.lower(), "unknown")
        missing = "" if state == "Registered" else f"it is {state}"
        remedy = f"az provider register --namespace {name} --subscription {subscription} --wait"
        yield Finding(f"provider {name}", missing, remedy)


def versions(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:
    """AKS offers the Kubernetes version of the stack file in its region."""
    location, wanted = settings.azure.location, settings.cluster.kubernetes_version
    answer = ask("az", "aks", "get-versions", "--location", location, "--subscription", account["id"]) or {}
    offered = {one["version"] for one in answer.get("values", [])}
    seen = f"AKS in {location} offers {', '.join(sorted(offered)) or 'nothing'}"
    missing = "" if wanted in offered else seen
    yield Finding(f"Kubernetes {wanted}", missing, "set platform:cluster kubernetesVersion to one of these")


def family(size: str) -> tuple[str, int]:
    """Quota family and cores of a VM size: `Standard_D16ds_v5` → standardDDSv5Family, 16."""
    found = re.fullmatch(r"Standard_([A-Z]+)(\d+)([a-z]*)_?(v\d+)?", size)
    if not found:
        return size, 0
    letters, cores, features, version = found.groups()
    return f"standard{letters}{features.upper()}{version or ''}Family", int(cores)


def quotas(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:
    """The quotas of the region allow all node pools at their maximum."""
    location, need = settings.azure.location, Counter[str]()
    cluster = settings.cluster
    for pool in (cluster.system_pool, *cluster.platform_pools, *cluster.worker_pools):
        name, cores = family(pool.vm_size)
        need[name] += cores * pool.max_nodes
        need["cores"] += cores * pool.max_nodes
    usage = ask("az", "vm", "list-usage", "--location", location, "--subscription", account["id"]) or []
    rooms = {each["name"]["value"].lower(): int(each["limit"]) for each in usage}
    for name, cores in sorted(need.items()):
        limit = rooms.get(name.lower(), 0)
        missing = "" if limit >= cores else f"the pools need up to {cores}, and the limit is {limit}"
        remedy = f"request more: portal, Quotas, Compute, {location} (or reduce maxNodes)"
        yield Finding(f"cores of {name} in {location}", missing, remedy)


def zone(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:  # noqa: ARG001
    """The DNS zone exists, and its parent delegates to its name servers."""
    id_ = settings.dns.zone_id or str(settings.dns.parent_zone_id)
    name = arm_segment(id_, "dnsZones")
    shown = ask("az", "network", "dns", "zone", "show", "--ids", id_)
    if not shown:
        yield Finding(
            f"DNS zone {name}", f"{id_} does not exist or is not readable", "create it or fix the id"
        )
        return
    servers = {server.rstrip(".").lower() for server in shown.get("nameServers") or ()}
    answer = ask("nslookup", "-type=NS", name) or ""
    public = {found.rstrip(".").lower() for found in re.findall(r"nameserver = (\S+)", answer)}
    seen = f"the public name servers are {', '.join(sorted(public)) or 'none'}"
    missing = "" if servers and servers <= public else seen
    remedy = f"at the registrar or in the parent zone, delegate it to {', '.join(sorted(servers))}"
    yield Finding(f"delegation of {name}", missing, remedy)


def groups(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:  # noqa: ARG001
    """The deployers' Entra groups exist."""
    for group in settings.cluster.admin_group_object_ids:
        shown = ask("az", "ad", "group", "show", "--group", group)
        remedy = (
            "az ad group create --display-name deployers --mail-nickname deployers; set its id in the file"
        )
        yield Finding(f"Entra group {group}", "" if shown else "it does not exist or is not readable", remedy)


def roles(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:
    """The caller may create resources and assign roles."""
    who, scope = account["user"]["name"], f"/subscriptions/{settings.azure.subscription_id}"
    held = ask(
        "az", "role", "assignment", "list", "--assignee", who, "--scope", scope, "--include-inherited",
        "--include-groups",
    )  # fmt: skip
    names = {each["roleDefinitionName"] for each in held or ()}
    for wanted, plain in ((WRITE, "Contributor"), (GRANT, "Role Based Access Control Administrator")):
        missing = "" if names & wanted else f"{who} has {', '.join(sorted(names)) or 'no role'}"
        remedy = f'az role assignment create --assignee {who} --role "{plain}" --scope {scope}'
        yield Finding(f"role {plain}", missing, remedy)


def graph(settings: Settings, account: Any, ask: Ask) -> Iterator[Finding]:  # noqa: ARG001
    """A service principal may create applications and groups. A person's directory role is not checked."""
    if account["user"]["type"] != "servicePrincipal":
        return
    who = account["user"]["name"]
    url = f"https://graph.microsoft.com/v1.0/servicePrincipals(appId='{who}')/appRoleAssignments"
    answer = ask("az", "rest", "--method", "get", "--url", url) or {}
    held = {each["appRoleId"] for each in answer.get("value", [])}
    for role, name in GRAPH.items():
        # `az ad app permission` cannot grant to a managed identity, which has no application.
        body = {"principalId": object_id(who), "resourceId": object_id(GRAPH_ITSELF), "appRoleId": role}
        quoted = json.dumps(body).replace('"', '\\"')
        remedy = f'az rest --method post --url "{url}" --body "{quoted}"'
        yield Finding(f"Graph permission {name}", "" if role in held else f"{who} does not have it", remedy)


def object_id(app_id: str) -> str:
    """Shell syntax for the object id of a service principal."""
    return f"$(az ad sp show --id {app_id} --query id -o tsv)"
