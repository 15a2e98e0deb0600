"""Azure's own types find no fault in what the stacks send, and find each fault that is planted."""

import copy
import json
import re
from collections import Counter

import pytest

from rehearsal import azure, schema
from rehearsal.azure_types import azure_type, judge, problems
from rehearsal.properties import UNKNOWN
from tests.support.recorder import FIFTH, STACKS, revealed
from tools.azure_types import api_version

METRICS = "Microsoft.Azure.Monitor."
AUTO = "1a2b3c4d"
"""What azure-native puts behind the name of a resource that it names itself."""
LEAST = {"infra": 2400, "staging": 1800, "prod": 1800, "demo": 1500, FIFTH: 1800}
"""How often at least a rule is applied, so that a rule without effect is noticed."""


def whole(value):
    """Numbers as the provider sees them: the recorder's are all floats."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def requests(recorder):
    """Every ARM request of a program: (type, name, inputs)."""
    for resource in recorder.resources:
        if resource.type.startswith("azure-native:"):
            named = azure.RESOURCE_TYPES[resource.type].name
            given = whole(revealed(resource.inputs))
            yield resource.type, resource.name, {named: f"{resource.name}{AUTO}"[:24]} | given


@pytest.mark.parametrize("stack", [*STACKS, FIFTH])
def test_azures_types_find_no_fault_in_a_stack(run_stack, stack):
    applied, found = Counter(), []
    for type_, name, inputs in requests(run_stack(stack)):
        applied.update(judgement.rule for judgement in judge(type_, inputs))
        found += [f"{type_} {name}: {path} {reason}" for path, reason in problems(type_, inputs)]
    # For `pytest -s`: how much was judged.
    print(f"{stack}: {applied.total()} judgements, {dict(applied)}")  # noqa: T201
    assert found == []
    assert applied.total() > LEAST[stack]


# Faults, planted by the types themselves


def branches(objects, name, given, at=()):
    """Every object in some inputs that a type describes: (path, its properties, the inputs there)."""
    known = objects[name]
    yield at, known, given
    for key, value in given.items():
        yield from nested(objects, known[key], value, (*at, key))


def nested(objects, node, value, at):
    if "object" in node and isinstance(value, dict):
        yield from branches(objects, node["object"], value, at)
    elif "by" in node and isinstance(value, dict):
        yield from branches(objects, node["objects"][value[node["by"]]], value, at)
    elif "array" in node or "map" in node:
        inner = node.get("array") or node["map"]
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nested(objects, inner, item, (*at, key)) if item != UNKNOWN else ()


def wrong_kind(node):
    return "text" if node.get("type") in {"integer", "boolean"} or not {"enum", "type"} & {*node} else True


def too_far(node):
    """Values just outside of a property's limits, with the rule that each breaks."""
    if "enum" in node:
        yield "enum", "Nonesuch"
    if "pattern" in node and not re.search(node["pattern"], "?"):
        yield "pattern", "?"
    if node.get("minLength", 0) > 0:
        yield "minLength", ""
    if "maxLength" in node:
        yield "maxLength", "x" * (node["maxLength"] + 1)
    if "minValue" in node:
        yield "minValue", node["minValue"] - 1
    if "maxValue" in node:
        yield "maxValue", node["maxValue"] + 1


def faults(objects, inputs):
    """Each (path, rule, value) that is wrong in one object's inputs. None stands for no value."""
    for at, known, given in branches(objects, "", inputs):
        yield (*at, "nonesuch"), "unknown", "value"
        for key, node in known.items():
            if "readOnly" in node:
                yield (*at, key), "readOnly", "mine"
            elif key in given and node.get("type") != "any":
                yield (*at, key), "kind", wrong_kind(node)
                yield from (((*at, key), rule, value) for rule, value in too_far(node))
                if "required" in node:
                    yield (*at, key), "required", None


def planted(inputs, path, value):
    """A copy of some inputs with a fault."""
    changed = copy.deepcopy(inputs)
    at = changed
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return changed


def shown(path):
    return re.sub(r"^\.", "", "".join(f"[{json.dumps(p)}]" if isinstance(p, int) else f".{p}" for p in path))


def test_every_fault_that_is_planted_in_a_request_is_found_by_its_name(run_stack):
    """Of each kind, at each property of one request of each type."""
    seen, kinds = {}, Counter()
    for stack in STACKS:
        for type_, _, inputs in requests(run_stack(stack)):
            seen.setdefault(type_, inputs)
    for type_, inputs in seen.items():
        of = azure_type(type_)
        rules = set()
        for path, rule, value in faults(of["objects"], inputs):
            found = [j for j in judge(type_, planted(inputs, path, value)) if j.reason]
            assert any(j.rule == rule and j.path == shown(path) for j in found), (type_, path, rule, value)
            kinds[rule] += 1
            rules.add(rule)
        assert {"unknown", "readOnly", "kind", "required"} <= rules, type_
    print(f"{kinds.total()} faults planted in {len(seen)} types, {dict(kinds)}")  # noqa: T201
    assert kinds.total() > 900
    assert {*kinds} == {
        "unknown", "readOnly", "kind", "required", "enum", "pattern", "minLength", "maxLength", "minValue",
        "maxValue",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "inputs", "message"),
    [
        (
            "network:NatGateway",
            {"sku": {"name": "Basic"}},
            "sku.name is 'Basic', and must be one of Standard",
        ),
        (
            "network:NatGateway",
            {"sku": {"name": "Basic"}},
            "(at this API version; Azure may take newer ones)",
        ),
        ("network:NatGateway", {"sku": {"name": "Basic"}}, " (Microsoft.Network/natGateways, API version 20"),
        ("network:NatGateway", {"idleTimeout": 10}, "idleTimeout is no property of the resource, which has"),
        ("network:NatGateway", {"provisioningState": "Succeeded"}, "provisioningState is read-only"),
        ("containerservice:AgentPool", {"osDiskSizeGB": 4096}, "is 4096, against its maxValue 2048"),
        (
            "storage:BlobContainer",
            {"publicAccess": "All"},
            "must be one of Container, Blob, None (Microsoft.",
        ),
        ("keyvault:Vault", {"properties": {"sku": {"family": "A"}}}, "properties.sku.name is required"),
        ("managedidentity:UserAssignedIdentity", {"tags": ["a"]}, 'tags["a"] is {}, and must be of the kind'),
        ("dns:RecordSet", {"recordType": "HTTPS"}, "'HTTPS', and must be one of A, AAAA, CAA"),
        # One of several objects, by one of its properties.
        (
            "monitor:MetricAlert",
            {"criteria": {"odataType": f"{METRICS}Nonesuch"}},
            f"must be one of {METRICS}",
        ),
        ("monitor:MetricAlert", {"criteria": {"allOf": []}}, "criteria.odataType is required"),
        ("monitor:MetricAlert", {"criteria": "cpu"}, "criteria is 'cpu', and must be of the kind object"),
        (
            "monitor:MetricAlert",
            {
                "criteria": {
                    "odataType": f"{METRICS}SingleResourceMultipleMetricCriteria",
                    "allOf": [{"name": "a"}],
                }
            },
            "criteria.allOf[0].threshold is required",
        ),
    ],
)
def test_a_refusal_names_the_property_what_it_may_be_and_the_version(type_, inputs, message):
    said = [f"{path} {reason}" for path, reason in problems(f"azure-native:{type_}", inputs)]
    assert any(message in each for each in said), said
    assert all("API version" in each for each in said)


def test_an_input_that_is_one_of_several_objects_may_have_the_properties_of_one_of_them():
    """The SDK has a union of classes there, and both kinds of criteria have an `allOf`."""
    criteria = {"odataType": "any", "allOf": [{"criterionType": "any", "threshold": 1, "metricName": "cpu"}]}
    given = {"scopes": [], "criteria": criteria}
    said = dict(schema.problems("azure-native:monitor:MetricAlert", given))
    assert not [path for path in said if path.startswith("criteria")], said
    criteria["allOf"][0]["treshold"] = 1
    said = dict(schema.problems("azure-native:monitor:MetricAlert", given))
    assert said["criteria.allOf[0].treshold"] == "is no input of MetricCriteria"


def test_a_value_that_is_not_known_yet_obeys_every_rule():
    given = {"resourceGroupName": UNKNOWN, "sku": UNKNOWN, "publicIpAddresses": [UNKNOWN]}
    assert list(problems("azure-native:network:NatGateway", given)) == []


@pytest.mark.parametrize("type_", azure.RESOURCE_TYPES)
def test_the_types_are_of_the_api_version_that_azure_native_sends(type_):
    said = azure_type(type_)["apiVersion"]
    assert said == api_version(schema.arguments(type_)), "run python -m tools.azure_types"


@pytest.mark.parametrize(
    "type_", sorted({*azure.BEYOND_TYPES} - {"sources", "network names", "domain names"})
)
def test_what_goes_beyond_the_types_is_about_their_properties(type_):
    """A misspelt path would have no effect. No line may repeat what a type says."""
    of = azure_type(f"azure-native:{type_}")["objects"]
    for rule, said in azure.BEYOND_TYPES[type_].items():
        assert all(said.values()), "each line has a source"
        for path in said if rule != "pattern" else ():
            node = {"object": ""}
            for part in path.split("."):
                node = of[node["object"]][part] if part != "*" else node["array"]
            assert "readOnly" not in node
            assert not (rule == "required" and "." not in path and "required" in node), path
