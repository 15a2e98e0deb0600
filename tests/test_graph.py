"""What a stack's objects name is made before them, and nothing is called that no flow leads to."""

import json
import re
from collections import defaultdict

import pytest

from components.kubernetes import network_policies as flows
from components.kubernetes.network_policies import External
from rehearsal.cluster_objects import BY_CHART, BY_OPERATOR, BY_RELEASE, CLUSTER_WIDE, PRESENT, kind_name
from rehearsal.helm import RELEASE, concourse_secrets, named_objects
from rehearsal.pod_admission import NAMES, TEMPLATES
from rehearsal.properties import find
from tests.support.flows import all_flows
from tests.support.recorder import FIFTH, STACKS, revealed

ADDRESS = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")
OWN = ("Certificate", "ServersTransport", "NetworkPolicy")
"""Kinds that name an address and call nobody."""
CALLERS = {"PodMonitor": "monitoring", "ServiceMonitor": "monitoring"}
"""The namespace of who calls for an object of a kind, where that is another than its own."""


class Graph:
    """The Kubernetes objects of a program, and what comes before each."""

    def __init__(self, recorder):
        self.dependencies = {r.urn: set(r.options.get("dependencies", ())) for r in recorder.resources}
        self.objects = [
            (r, revealed(r.inputs)) for r in recorder.resources if r.type.startswith("kubernetes:")
        ]
        self.makers = defaultdict(set)
        self.patterns = []
        for resource, inputs in self.objects:
            kind, where, name = kind_name(resource.type), *place(resource.type, inputs)
            self.makers[kind, "" if kind in CLUSTER_WIDE else where, name].add(resource.urn)
            if kind == "Certificate":
                self.makers["Secret", where, inputs["spec"]["secretName"]].add(resource.urn)
            if resource.type == RELEASE:
                chart = inputs["chart"].rpartition("/")[2]
                self.patterns += [(k, where, rf"{re.escape(name)}(-.+)?", resource.urn) for k in BY_RELEASE]
                self.patterns += [
                    (k, where, p.format(release=name), resource.urn) for c, k, p in BY_CHART if c == chart
                ]
            self.patterns += [
                (k, where, p.format(name=re.escape(name)), resource.urn)
                for own, k, p in BY_OPERATOR
                if own == kind
            ]

    def before(self, urn):
        """Everything that is made before a resource."""
        found, left = set(), [urn]
        while left:
            new = self.dependencies.get(left.pop(), set()) - found
            found |= new
            left += new
        return found

    def made_by(self, kind, where, name):
        where = "" if kind in CLUSTER_WIDE else where
        return self.makers[kind, where, name] | {
            urn
            for k, w, pattern, urn in self.patterns
            if (k, w) == (kind, where) and re.fullmatch(pattern, name)
        }

    def missing(self):
        """Each (object, kind, name) that is named, and not made before."""
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
    """What an object needs: (kind, name)."""
    where, own = place(type_, inputs)
    if where:
        yield "Namespace", where
    if type_ == RELEASE:
        values = inputs.get("values") or {}
        yield from ((kind, name) for kind, name, _ in named_objects(values))
        if inputs["chart"].endswith("concourse"):
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
def test_what_an_object_names_is_made_before_it(run_stack, stack):
    graph = Graph(run_stack(stack))
    assert len(graph.objects) > 100
    assert list(graph.missing()) == []


@pytest.mark.parametrize("kind", ["Secret", "Namespace", "ServiceAccount", "StorageClass", "ConfigMap"])
def test_without_what_comes_before_it_is_missing(run_stack, kind):
    """Each kind is really looked at."""
    graph = Graph(run_stack("prod"))
    graph.makers = defaultdict(set, {key: urns for key, urns in graph.makers.items() if key[0] != kind})
    graph.patterns = []
    assert kind in {missing for _, missing, _ in graph.missing()}


def calls(recorder):
    """Each (object, its namespace, the namespace of an address in its values)."""
    for resource in recorder.resources:
        kind = kind_name(resource.type)
        if resource.type.startswith("kubernetes:") and kind not in OWN:
            inputs = revealed(resource.inputs)
            where, _ = place(resource.type, inputs)
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
def test_a_flow_leads_to_each_address_in_the_cluster(run_stack, stack):
    found = set(calls(run_stack(stack)))
    assert len(found) > 5
    assert {call for call in found if not allowed(*call[1:])} == set()


def test_without_its_flow_a_call_is_found(run_stack, monkeypatch):
    table = [flow for flow in flows.FLOWS if flow.target != flows.VAULT]
    monkeypatch.setattr(flows, "FLOWS", table)
    assert any(not allowed(*call[1:]) for call in calls(run_stack("prod")))
