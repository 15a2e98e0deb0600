"""Checks of the tenant: groups, the caller's Graph permissions, owners, and the policy for secrets."""

import json
import re

from deploy.preflight.question import Answers, Question

GRAPH = {
    "18a4783c-866b-4cc7-a460-3d5e5662c884": "Application.ReadWrite.OwnedBy",
    "06b708a9-e830-4db3-a914-8e69da51d44f": "AppRoleAssignment.ReadWrite.All",
    "7ab1d382-f21e-4acd-a863-ba3e13f7da61": "Directory.Read.All",
    "62a82d76-70ea-41e2-9197-370581804d09": "Group.ReadWrite.All",
}
"""Id → permission of Microsoft Graph (learn.microsoft.com/graph/permissions-reference)."""
GRAPH_ITSELF = "00000003-0000-0000-c000-000000000000"


def groups(q: Question) -> Answers:
    """The deployers' Entra groups exist."""
    command = "az ad group create --display-name deployers --mail-nickname deployers"
    for group in q.settings.cluster.admin_group_object_ids:
        shown = bool(q.ask("az", "ad", "group", "show", "--group", group))
        seen = "it does not exist or is not readable"
        yield f"Entra group {group}", shown, seen, f"{command}; set its id in the file"


def permissions(q: Question) -> Answers:
    """A service principal may create applications and groups. A person's directory role is not checked."""
    if not q.is_service:
        return
    who = q.user["name"]
    path = f"servicePrincipals(appId='{who}')/appRoleAssignments"
    held = {each["appRoleId"] for each in (q.graph(path) or {}).get("value", [])}
    for role, name in GRAPH.items():
        # `az ad app permission` cannot grant to a managed identity, which has no application.
        body = {"principalId": object_id(who), "resourceId": object_id(GRAPH_ITSELF), "appRoleId": role}
        quoted = json.dumps(body).replace('"', '\\"')
        url = f"https://graph.microsoft.com/v1.0/{path}"
        remedy = f'az rest --method post --url "{url}" --body "{quoted}"'
        yield f"Graph permission {name}", role in held, f"{who} does not have it", remedy


def owners(q: Question) -> Answers:
    """A service principal owns the applications: it may change only what it owns."""
    if not q.is_service:
        return
    shown = q.ask("az", "ad", "sp", "show", "--id", q.user["name"]) or {}
    id_, named = shown.get("id", "its object id"), q.settings.entra.owners
    seen = f"{id_} is not in platform:entra owners" if named else "platform:entra owners is empty"
    remedy = f"add {id_} there; if they exist already, an Application Administrator has to run the update"
    yield f"{q.user['name']} owns the applications", id_ in named, seen, remedy


def passwords(q: Question) -> Answers:
    """The tenant's policy permits client secrets, as long as the stack file's. Skipped if unreadable."""
    policy = q.graph("policies/defaultAppManagementPolicy") or {}
    if not policy.get("isEnabled"):
        return
    rules = {
        rule["restrictionType"]: rule
        for rule in policy["applicationRestrictions"].get("passwordCredentials", ())
        if rule.get("state", "enabled") == "enabled"
    }
    exempt = "exempt the stack's applications: an appManagementPolicy of their own (docs/getting-started.md)"
    seen = "the tenant's policy forbids them (passwordAddition)"
    yield "secrets of applications", "passwordAddition" not in rules, seen, exempt
    longest = re.match(r"P(\d+)D", rules.get("passwordLifetime", {}).get("maxLifetime") or "")
    if longest:
        days, wanted = int(longest[1]), q.settings.entra.secret_days
        seen = f"the tenant's policy allows at most {days}"
        remedy = f"set platform:entra secretDays to at most {days}, or {exempt}"
        yield f"secrets that last {wanted} days", wanted <= days, seen, remedy


def object_id(app_id: str) -> str:
    """Shell syntax for the object id of a service principal."""
    return f"$(az ad sp show --id {app_id} --query id -o tsv)"
