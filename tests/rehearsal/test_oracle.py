"""Microsoft's validation maps find no error in any stack, and find planted errors."""

import copy

import pytest

from tests.support.oracle import SERVICES, Opinion, builder, path_rules
from tests.support.recorder import FIFTH, STACKS

WITHOUT_MAPS = {
    "authorization:RoleAssignment",
    "managedidentity:FederatedIdentityCredential",
    "managedidentity:UserAssignedIdentity",
    "privatedns:PrivateZone",
    "privatedns:VirtualNetworkLink",
    "resources:ResourceGroup",
}
"""Types whose SDKs have no maps."""
NEWER = {("version", "17")}
"""Values newer than the API versions of the maps (PostgreSQL 17: API version 2025-06-01)."""
NAMES_UNSAID = {"network", "dns.v2018_05_01"}
"""SDKs without patterns for names. rehearsal/azure.py has Azure's documented ones."""
PATTERNS = {"pattern", "min_length", "max_length", "minimum", "maximum", "min_items", "max_items", "unique"}


def requests(recorder):
    """Every ARM request of a program: (type, name, inputs)."""
    for resource in recorder.resources:
        package, _, type_ = resource.type.partition(":")
        if package == "azure-native":
            yield type_, resource.name, resource.inputs


def opinion(recorder):
    found = Opinion()
    for type_, name, inputs in requests(recorder):
        if type_ not in WITHOUT_MAPS:
            found.hear(type_, name, inputs)
    return found


@pytest.mark.parametrize("stack", [*STACKS, FIFTH])
def test_the_validation_maps_find_no_error_in_a_stack(run_stack, stack):
    found = opinion(run_stack(stack))
    # For `pytest -s`: how much was checked.
    print(f"{stack}: {found.known} inputs known, {sum(found.checked.values())} checks {found.checked}")  # noqa: T201
    print(f"{stack}: not known to the older versions: {sorted(found.unknown)}")  # noqa: T201
    newer = tuple(f"{name} is {value!r}, and not one of" for name, value in NEWER)
    assert [problem for problem in found.problems if not any(text in problem for text in newer)] == []
    assert found.known > 50
    assert sum(found.checked.get(rule, 0) for rule in (*PATTERNS, "required")) > 50


def test_every_type_has_validation_maps_or_is_listed_as_without(run_stack):
    types = {type_ for stack in STACKS for type_, *_ in requests(run_stack(stack))}
    assert types - set(SERVICES) == WITHOUT_MAPS


@pytest.mark.parametrize("type_", SERVICES)
def test_the_sdk_still_has_patterns_for_names(type_):
    """Also for services that the program does not use yet."""
    package, _, operations = SERVICES[type_]
    assert builder(package, operations)
    assert "resourceGroupName" in path_rules(package, operations)
    own = {url: rules for url, rules in path_rules(package, operations).items() if url != "resourceGroupName"}
    assert any(set(rules) & PATTERNS for rules in own.values()) is (package not in NAMES_UNSAID)


PLANTED = {
    "required": ("containerservice:MaintenanceConfiguration", "maintenanceWindow.startTime", None),
    "pattern": ("containerservice:ManagedCluster", "networkProfile.dnsServiceIP", "10.0.0.256"),
    "maximum": ("containerservice:AgentPool", "osDiskSizeGB", 4096),
    "minimum": ("containerservice:MaintenanceConfiguration", "maintenanceWindow.durationHours", 3),
    "readonly": ("dbforpostgresql:Server", "fullyQualifiedDomainName", "mine.example.org"),
    "type": ("containerservice:AgentPool", "maxPods", "30"),
    "type list": ("containerservice:AgentPool", "nodeTaints", "dedicated=workers:NoSchedule"),
    "enum": ("containerservice:AgentPool", "osDiskType", "Ephemerol"),
    "pattern of a name": ("containerservice:AgentPool", "agentPoolName", "Workers"),
    "max_length of a name": ("containerservice:AgentPool", "agentPoolName", "concourseworkers"),
    "min_length of a name": ("dbforpostgresql:Server", "serverName", "pg"),
    "pattern inside a list": ("containerservice:ManagedCluster", "agentPoolProfiles.0.name", "System"),
    "maximum inside a list": ("containerservice:ManagedCluster", "agentPoolProfiles.0.osDiskSizeGB", 2049),
}


@pytest.mark.parametrize("what", PLANTED)
def test_the_validation_maps_find_a_planted_error(run_stack, what):
    type_, path, value = PLANTED[what]
    name, inputs = next((n, copy.deepcopy(i)) for t, n, i in requests(run_stack("prod")) if t == type_)
    *above, last = path.split(".")
    at = inputs
    for part in above:
        at = at[int(part)] if part.isdigit() else at[part]
    at[last] = value
    found = Opinion()
    found.hear(type_, name, inputs)
    rule = what.split()[0]
    assert [p for p in found.problems if last in p and (rule in p or rule in {"type", "enum"})], (
        found.problems
    )


@pytest.mark.parametrize(
    ("rule", "given"), [("unique", ["a", "a"]), ("max_items", ["a", "b", "c"]), ("min_items", [])]
)
def test_a_broken_rule_about_lists_is_found(rule, given):
    """No input of the program has such a rule today."""
    found = Opinion()
    found._rules({rule: {"unique": True, "max_items": 2, "min_items": 1}[rule]}, given, "revisions")
    assert len(found.problems) == 1
