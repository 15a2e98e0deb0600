"""References between Kubernetes objects: creation order, and flows for addresses."""

import json
import re
from collections import defaultdict

import pytest

from components.kubernetes import network_policies as flows
from components.kubernetes.charts import name_of
from components.kubernetes.network_policies import External
from rehearsal.cluster_objects import CLUSTER_WIDE, PRESENT, kind_name
from rehearsal.helm import RELEASE, concourse_secrets, named_objects
from rehearsal.pod_admission import NAMES, TEMPLATES
from rehearsal.properties import find
from tests.support.flows import all_flows
from tests.support.recorder import FIFTH, STACKS, revealed

ADDRESS = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")
OWN = ("Certificate", "ServersTransport", "NetworkPolicy")
"""Kinds that contain addresses without connecting to them."""
CALLERS = {"PodMonitor": "monitoring", "ServiceMonitor": "monitoring"}
"""Namespaces of the clients, for kinds whose client runs in another namespace."""


class Graph:
    """The Kubernetes objects of a program, and their dependencies."""

    def __init__(self, recorder):
        self.dependencies = {r.urn: set(r.options.get("dependencies", ())) for r in recorder.resources}
        self.objects = [
            (r, revealed(r.inputs)) for r in recorder.resources if r.type.startswith("kubernetes:")
        ]
        self.makers = defaultdict(set)
        for resource, inputs in self.objects:
            kind, where, name = kind_name(resource.type), *place(resource.type, inputs)
            self.makers[kind, "" if kind in CLUSTER_WIDE else where, name].add(resource.urn)
            if kind == "Certificate":
                self.makers["Secret", where, inputs["spec"]["secretName"]].add(resource.urn)

    def before(self, urn):
        """All direct and indirect dependencies of a resource."""
        found, left = set(), [urn]
        while left:
            new = self.dependencies.get(left.pop(), set()) - found
            found |= new
            left += new
        return found

    def made_by(self, kind, where, name):
        return self.makers[kind, "" if kind in CLUSTER_WIDE else where, name]

    def missing(self):
        """Each reference (object, kind, name) without a dependency on the referenced object."""
        for resource, inputs in self.objects:
            where, _ = place(resource.type, inputs)
            earlier = self.before(resource.urn)
            for kind, name in references(resource.type, inputs):
                if name not in PRESENT.get(kind, ()) and not self.made_by(kind, where, name) & earlier:
                    yield resource.name, kind, name


def place(type_, inputs):
    at = inputs if type_ == RELEASE else inputs["metadata"]
    return at.get("namespace", ""), at.get("name", "")


def references(type_, inputs):
    """Objects that an object refers to: (kind, name)."""
    where, own = place(type_, inputs)
    if where:
        yield "Namespace", where
    if type_ == RELEASE:
        values = inputs.get("values") or {}
        yield from ((kind, name) for kind, name, _ in named_objects(values))
        if name_of(inputs["chart"], inputs["version"]) == "concourse":
            yield from (("Secret", name) for name, _ in concourse_secrets(own, values))
    for template in TEMPLATES:
        for spec in find(inputs, template):
            for base, kind, field, *_ in NAMES:
                for item in find(spec, base) if base else (spec,):
                    if item.get(field) and not item.get("optional"):
                        yield kind, item[field]
    if kind_name(type_) == "PersistentVolumeClaim" and inputs["spec"].get("storageClassName"):
        yield "StorageClass", inputs["spec"]["storageClassName"]


@pytest.mark.parametrize("stack", [*STACKS, FIFTH])
def test_referenced_objects_are_created_first(run_stack, stack):
    graph = Graph(run_stack(stack))
    assert len(graph.objects) > 100
    assert list(graph.missing()) == []


@pytest.mark.parametrize("kind", ["Secret", "Namespace", "ServiceAccount", "StorageClass", "ConfigMap"])
def test_a_missing_dependency_is_found(run_stack, kind):
    """Every kind of reference is checked."""
    graph = Graph(run_stack("prod"))
    graph.makers = defaultdict(set, {key: urns for key, urns in graph.makers.items() if key[0] != kind})
    assert kind in {missing for _, missing, _ in graph.missing()}


def calls(recorder):
    """Each (object, its namespace, the namespace of an address in its values)."""
    for resource in recorder.resources:
        kind = kind_name(resource.type)
        if resource.type.startswith("kubernetes:") and kind not in OWN:
            inputs = revealed(resource.inputs)
            where, _ = place(resource.type, inputs)
            if resource.name == "coredns-custom":
                where = "concourse-workers"  # builds are who asks for the hosts
            for _, target in ADDRESS.findall(json.dumps(inputs)):
                yield resource.name, CALLERS.get(kind, where), target


def allowed(source, target):
    return any(
        not isinstance(end, External) and end.namespace == target
        for flow in all_flows()
        for start, end in [(flow.source, flow.target)]
        if not isinstance(start, External) and start.namespace == source
    )


@pytest.mark.parametrize("stack", [*STACKS, FIFTH])
def test_every_address_in_the_cluster_has_a_flow(run_stack, stack):
    found = set(calls(run_stack(stack)))
    assert len(found) > 5
    assert {call for call in found if not allowed(*call[1:])} == set()


def test_an_address_without_a_flow_is_found(run_stack, monkeypatch):
    table = [flow for flow in flows.FLOWS if flow.target != flows.VAULT]
    monkeypatch.setattr(flows, "FLOWS", table)
    assert any(not allowed(*call[1:]) for call in calls(run_stack("prod")))
