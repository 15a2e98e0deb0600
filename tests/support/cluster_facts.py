"""A stack's cluster: what its charts make (`rehearsal/charts/*.yaml`), and the program's own objects."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from components.kubernetes.charts import CHARTS
from rehearsal.chart_values import FOLDER
from tests.support.recorder import RELEASE, Recorder, revealed
from tools import chart_facts

Fact = dict[str, Any]
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Prometheus", "Alertmanager",
             "Elasticsearch", "Kibana"}  # fmt: skip
SYSTEM = "kube-system"
AKS = (
    ("konnectivity", {"app": "konnectivity-agent"}, {}),
    ("coredns", {"k8s-app": "kube-dns"}, {"dns": 53, "metrics": 9153}),
)
"""Pods of AKS that we name (learn.microsoft.com/azure/aks/coredns-custom, Azure/AKS#2440)."""
AT_RUN_TIME = {"vault-active"}
"""Labels that pods give themselves."""
SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
"""cert-manager makes pods for challenges (cert-manager.io/docs/configuration/acme/http01)."""


class Cluster(NamedTuple):
    """What is in a stack's cluster."""

    facts: list[Fact]
    objects: list[Fact]
    """The program's own objects, as sent."""
    releases: dict[str, Fact]
    """Inputs of Helm releases, by name."""

    def of_kind(self, *kinds: str) -> list[Fact]:
        return [fact for fact in self.facts if fact["kind"] in kinds]

    @property
    def pods(self) -> list[Fact]:
        return self.of_kind(*WORKLOADS)

    def selected(self, namespace: str, selector: Mapping[str, str]) -> list[Fact]:
        selector = {key: value for key, value in selector.items() if key not in AT_RUN_TIME}
        return [
            pod for pod in self.pods if pod["namespace"] == namespace and matches(selector, pod["labels"])
        ]

    def service(self, namespace: str, name: str) -> Fact | None:
        for fact in self.of_kind("Service"):
            if (fact["namespace"], fact["name"]) == (namespace, name):
                return fact
        return None

    def allows(self, source: Fact, target: Fact, port: int) -> bool:
        """Whether the policies of both sides let a pod connect to another."""
        return self._side("egress", "to", source, target, port) and self._side(
            "ingress", "from", target, source, port
        )

    def reaches_api_server(self, pod: Fact) -> bool:
        """AKS' API server has a public address: no CIDR is as wide as what it may be."""
        for rule in self._rules("egress", pod):
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" and has_port(rule, 443):
                    return True
        return False

    def _side(self, direction: str, key: str, mine: Fact, other: Fact, port: int) -> bool:
        if mine["namespace"] == SYSTEM:
            return True  # no policies of ours
        return any(
            has_port(rule, port) and any(peer_is(peer, other) for peer in rule[key])
            for rule in self._rules(direction, mine)
        )

    def _rules(self, direction: str, pod: Fact) -> Iterator[Fact]:
        for item in self.objects:
            if item["kind"] == "NetworkPolicy" and item["metadata"]["namespace"] == pod["namespace"]:
                spec = item["spec"]
                if matches(spec["podSelector"].get("matchLabels", {}), pod["labels"]):
                    yield from spec.get(direction, ())


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def has_port(rule: Fact, port: int) -> bool:
    return "ports" not in rule or any(each["port"] == port for each in rule["ports"])


def peer_is(peer: Fact, pod: Fact) -> bool:
    """Whether a policy's peer is a pod. A CIDR never is one (see External.CLIENTS)."""
    if "namespaceSelector" not in peer:
        return False
    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    selector = peer.get("podSelector", {}).get("matchLabels", {})
    return namespace == pod["namespace"] and matches(selector, pod["labels"])


@cache
def listed(chart: str) -> Fact:
    file = FOLDER / f"{chart}.yaml"
    return yaml.safe_load(file.read_text()) if file.exists() else {}


def written(content: Fact) -> str:
    return yaml.dump(content, Dumper=Plain, sort_keys=False, default_flow_style=None, width=110)


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Without anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def cluster(recorder: Recorder, stack: str) -> Cluster:
    """Facts of charts, of the program's own objects, and of the few pods of AKS that we name."""
    releases = {each.inputs["name"]: revealed(each.inputs) for each in recorder.of_type(RELEASE)}
    objects = [
        revealed(each.inputs)
        for each in recorder.resources
        if each.type.startswith("kubernetes:") and each.type != RELEASE and "kind" in each.inputs
    ]
    by_charts = [
        fact for chart in CHARTS for fact in chart_facts.of_stack(listed(chart).get("objects", ()), stack)
    ]
    own = chart_facts.facts(objects)
    system = [
        {
            "kind": "Deployment",
            "namespace": SYSTEM,
            "name": name,
            "labels": labels,
            "ports": ports,
            "account": "",
        }
        for name, labels, ports in AKS
    ]
    found = [*by_charts, *own, *system]
    for fact in found:
        if fact["kind"] in WORKLOADS and fact["namespace"] != SYSTEM:
            complete(fact, objects)
    return Cluster(found, objects, releases)


def complete(pod: Fact, objects: Iterable[Fact]) -> None:
    """Add what the program's own accounts and bindings say about a pod of a chart."""
    place = pod["namespace"], pod["account"]
    roles = chart_facts.roles_of(*place, objects)
    pod["roles"] = sorted({*pod.get("roles", ()), *roles})
    if "token" not in pod:
        accounts = (
            item.get("automountServiceAccountToken", True)
            for item in objects
            if item["kind"] == "ServiceAccount"
            and (item["metadata"]["namespace"], item["metadata"]["name"]) == place
        )
        pod["token"] = next(accounts, True)
