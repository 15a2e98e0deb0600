"""What charts really make of our values: `rehearsal/charts/<chart>.yaml`.

`make generate CHARTS=FOLDER` renders each chart with each stack's values and writes down what tests need:
workloads and hooks with their pods' labels, accounts, ports, claims, images and requests, Services, webhooks
and monitors. An object that differs between stacks is there once for each, with its stacks.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Object = dict[str, Any]
TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "Job")
VERSIONED = ("helm.sh/chart", "app.kubernetes.io/version", "chart")
"""Labels that change with each version."""


def operated(name: str, labels: Mapping[str, str], ports: Mapping[str, int]) -> Object:
    """What an operator adds to the pods of its kind."""
    return {"name": name, "labels": dict(labels), "ports": dict(ports)}


def by_operator(kind: str, name: str) -> Object | None:
    """The StatefulSet or Deployment that an operator makes of a custom resource; None for other kinds.

    Sources: prometheus-operator, pkg/prometheus/server/statefulset.go and pkg/alertmanager/statefulset.go;
    cloud-on-k8s, pkg/controller/elasticsearch/label and pkg/controller/kibana/label.go.
    """
    common = "common.k8s.elastic.co/type"
    return {
        "Prometheus": operated(
            f"prometheus-{name}",
            {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": name, "prometheus": name,
             "app.kubernetes.io/managed-by": "prometheus-operator", "operator.prometheus.io/name": name},
            {"web": 9090, "reloader-web": 8080}),
        "Alertmanager": operated(
            f"alertmanager-{name}",
            {"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/instance": name,
             "app.kubernetes.io/managed-by": "prometheus-operator", "alertmanager": name},
            {"web": 9093, "mesh": 9094, "reloader-web": 8080}),
        "Elasticsearch": operated(
            f"{name}-es-default",
            {common: "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": name},
            {"https": 9200, "transport": 9300}),
        "Kibana": operated(
            f"{name}-kb", {common: "kibana", "kibana.k8s.elastic.co/name": name}, {"https": 5601}),
    }.get(kind)  # fmt: skip


def checksum(values: Any) -> str:
    """Tells whether facts are of these values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def facts(objects: list[Object]) -> list[Object]:
    """The facts of a release's objects, each with its namespace."""
    accounts = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item
        for item in objects
        if item["kind"] == "ServiceAccount"
    }
    found = []
    for item in objects:
        if fact := fact_of(item):
            if account := fact.get("account"):
                place = fact["namespace"], account
                if "token" not in fact and place in accounts:
                    fact["token"] = accounts[place].get("automountServiceAccountToken", True)
                if roles := sorted(set(roles_of(*place, objects))):
                    fact["roles"] = roles
            found.append(fact)
    return sorted(found, key=lambda fact: (fact["kind"], fact["namespace"], fact["name"]))


def fact_of(item: Object) -> Object | None:
    """The facts of one object; None if tests need none."""
    kind, metadata, spec = item["kind"], item["metadata"], item.get("spec") or {}
    name = {"kind": kind, "namespace": metadata.get("namespace", ""), "name": metadata["name"]}
    found: Object | None = None
    if kind in TEMPLATES:
        found = workload(item, spec, spec["template"])
    elif kind == "CronJob":
        found = workload(item, spec, spec["jobTemplate"]["spec"]["template"])
    elif made := by_operator(kind, metadata["name"]):
        found = custom(kind, spec) | made
    elif kind == "Service":
        ports = [bare(port, ("name", "port", "targetPort")) for port in spec["ports"]]
        found = {"labels": labels(metadata), "selector": labels(spec, "selector"), "ports": ports}
    elif kind in ("ServiceMonitor", "PodMonitor"):
        endpoints = spec.get("endpoints") or spec.get("podMetricsEndpoints") or []
        where = (spec.get("namespaceSelector") or {}).get("matchNames") or [name["namespace"]]
        ports = [bare(each, ("port", "targetPort", "portNumber")) for each in endpoints]
        found = {"selector": spec["selector"], "namespaces": where, "ports": ports}
    elif kind.endswith("WebhookConfiguration"):
        services = [hook["clientConfig"]["service"] for hook in item.get("webhooks", ())]
        places = {(each["namespace"], each["name"], each.get("port", 443)) for each in services}
        found = {"services": [list(place) for place in sorted(places)]} if places else None
    return None if found is None else name | found


def workload(item: Object, spec: Object, template: Object) -> Object:
    """The facts of a workload's pods."""
    pod, metadata = template["spec"], item["metadata"]
    found: Object = {"labels": labels(template.get("metadata") or {})}
    if hook := (metadata.get("annotations") or {}).get("helm.sh/hook"):
        found["hook"] = hook
    if item["kind"] != "DaemonSet":
        found["replicas"] = spec.get("replicas", 1)
    found["account"] = pod.get("serviceAccountName") or pod.get("serviceAccount") or "default"
    if "automountServiceAccountToken" in pod:
        found["token"] = pod["automountServiceAccountToken"]
    containers = pod["containers"]
    found["ports"] = {
        port.get("name", str(port["containerPort"])): port["containerPort"]
        for container in containers
        for port in container.get("ports") or ()
    }
    images = {unversioned(each["image"]) for each in (*containers, *(pod.get("initContainers") or ()))}
    found["images"] = sorted(images)
    found["resources"] = {each["name"]: each["resources"] for each in containers if each.get("resources")}
    claims = {
        claim["metadata"]["name"]: claim["spec"]["resources"]["requests"]["storage"]
        for claim in spec.get("volumeClaimTemplates") or ()
    }
    mounted = sorted(
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod.get("volumes") or ()
        if "persistentVolumeClaim" in volume
    )
    rest = {"claimTemplates": claims, "claims": mounted, **placement(pod)}
    return found | {key: value for key, value in rest.items() if value}


def custom(kind: str, spec: Object) -> Object:
    """The facts of the pods that an operator makes."""
    if kind == "Elasticsearch":
        [nodes] = spec["nodeSets"]
        pod = nodes["podTemplate"]["spec"]
        replicas = nodes["count"]
        claims = {
            claim["metadata"]["name"]: claim["spec"]["resources"]["requests"]["storage"]
            for claim in nodes.get("volumeClaimTemplates") or ()
        }
    elif kind == "Kibana":
        pod, replicas, claims = spec["podTemplate"]["spec"], spec.get("count", 1), {}
    else:
        name = kind.lower()
        pod = spec | {"containers": [{"name": name, "resources": spec.get("resources", {})}]}
        replicas = spec.get("replicas", 1)
        template = (spec.get("storage") or {}).get("volumeClaimTemplate")
        claims = {"db": template["spec"]["resources"]["requests"]["storage"]} if template else {}
    found = {
        "replicas": replicas,
        "account": pod.get("serviceAccountName") or "default",
        "token": pod.get("automountServiceAccountToken", kind in ("Prometheus", "Alertmanager")),
        "resources": {each["name"]: each["resources"] for each in pod["containers"] if each.get("resources")},
    }
    return found | {k: v for k, v in ({"claimTemplates": claims} | placement(pod)).items() if v}


def placement(pod: Object) -> Object:
    """Where pods may run."""
    anti = (pod.get("affinity") or {}).get("podAntiAffinity") or {}
    hard = anti.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    return {
        "hostNetwork": pod.get("hostNetwork", False),
        "oneOnEachNode": any(term["topologyKey"] == "kubernetes.io/hostname" for term in hard),
        "nodeSelector": pod.get("nodeSelector"),
        "priority": pod.get("priorityClassName"),
    }


def roles_of(namespace: str, account: str, objects: Iterable[Object]) -> Iterator[str]:
    """The roles that an account is bound to."""
    for item in objects:
        if item["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            for subject in item.get("subjects") or ():
                if subject["name"] == account and subject.get("namespace", namespace) == namespace:
                    yield f"{item['roleRef']['kind']}/{item['roleRef']['name']}"


def labels(metadata: Object, key: str = "labels") -> dict[str, str]:
    given = metadata.get(key) or {}
    return {name: str(value) for name, value in given.items() if name not in VERSIONED}


def bare(item: Object, keys: Iterable[str]) -> Object:
    return {key: item[key] for key in keys if key in item}


def unversioned(image: str) -> str:
    return re.sub(r"(:[^/@]*)?(@.*)?$", "", image)


def merged(stacks: Mapping[str, list[Object]]) -> list[Object]:
    """The facts of all stacks; where they differ, each with its stacks."""
    found: dict[str, tuple[Object, list[str]]] = {}
    for stack, items in stacks.items():
        for item in items:
            found.setdefault(json.dumps(item, sort_keys=True), (item, []))[1].append(stack)
    rows = [item if len(on) == len(stacks) else {**item, "stacks": on} for item, on in found.values()]
    return sorted(rows, key=lambda row: (row["kind"], row["namespace"], row["name"], row.get("stacks", [])))


def of_stack(rows: Iterable[Object], stack: str) -> list[Object]:
    """The facts of one stack out of those of all."""
    return [row for row in rows if stack in row.get("stacks", [stack])]
