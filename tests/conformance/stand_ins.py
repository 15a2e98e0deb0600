"""What a cluster in Azure has, and this control plane has not. Everything that is not here is real.

- AKS' own kinds and objects that the program uses: CiliumNetworkPolicy, and CoreDNS' ConfigMap.
- Azure's load balancer: a Service gets an address.
- Azure's disks: a claim gets a volume once the scheduler has chosen a node, as disk.csi.azure.com would.
- AKS' autoscaler: a pool gets a node, up to its maximum, while a pod finds no room.
- The operators: cert-manager's objects are Ready and its Secrets exist; Elasticsearch, Kibana, Prometheus and
  Alertmanager get the StatefulSets that their operators would make.
"""

import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.kubernetes.job import RESTRICTED_CONTAINER
from components.kubernetes.storage_classes import PROVISIONER
from tests.conformance.certificates import Authority
from tests.conformance.cluster import Judge, Manifest, root
from tests.conformance.nodes import POOL, ZONE, Pool, may_run
from tools.chart_facts import by_operator

ADDRESS = "20.50.0.1"
SELECTED = "volume.kubernetes.io/selected-node"
ISSUED = ("ClusterIssuer", "Issuer", "Certificate")
OPERATED = {
    "Elasticsearch": "elasticsearch.k8s.elastic.co/v1",
    "Kibana": "kibana.k8s.elastic.co/v1",
    "Prometheus": "monitoring.coreos.com/v1",
    "Alertmanager": "monitoring.coreos.com/v1",
}


CILIUM: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ciliumnetworkpolicies.cilium.io"},
    "spec": {
        "group": "cilium.io",
        "scope": "Namespaced",
        "names": {"kind": "CiliumNetworkPolicy", "plural": "ciliumnetworkpolicies"},
        "versions": [
            {
                "name": "v2",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
"""Without its schema: nothing judges the rules."""
COREDNS: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "coredns-custom", "namespace": "kube-system"},
}


class StandIns(threading.Thread):
    """Does these things every half a second."""

    def __init__(self, judge: Judge, pools: list[Pool], folder: Path) -> None:
        super().__init__(daemon=True)
        self.judge, self.pools, self.ended = judge, pools, threading.Event()
        self.failed: list[str] = []
        """What went wrong here: a test's failure may be our own."""
        self.most = {pool.name: pool.size.max_nodes for pool in pools}
        """Nodes that Azure has to give, by pool."""
        self.authority = Authority(folder)
        judge.install([CILIUM])
        assert not (said := judge.create(COREDNS)), said
        for pool in pools:
            for _ in range(pool.size.min_nodes):
                self.add_node(pool)

    def run(self) -> None:
        while not self.ended.wait(0.5):
            for step in (self.balance, self.provision, self.scale, self.issue, self.operate):
                try:
                    step()
                except Exception:  # noqa: BLE001 the next round tries again
                    self.failed.append(traceback.format_exc())

    def items(self, version: str, plural: str) -> list[Any]:
        answer = self.judge.server.call("GET", f"{root(version)}/{plural}")
        return list(answer.json()["items"]) if answer.ok else []

    def put_status(self, version: str, plural: str, item: Manifest) -> None:
        at = item["metadata"]
        inside = f"/namespaces/{at['namespace']}" if "namespace" in at else ""
        path = f"{root(version)}{inside}/{plural}/{at['name']}/status"
        self.judge.server.call("PUT", path, item | {"apiVersion": version})

    # Azure

    def balance(self) -> None:
        for service in self.items("v1", "services"):
            if service["spec"]["type"] == "LoadBalancer" and not service["status"]["loadBalancer"]:
                service["status"]["loadBalancer"] = {"ingress": [{"ip": ADDRESS}]}
                self.put_status("v1", "services", service | {"kind": "Service"})

    def provision(self) -> None:
        nodes = {node["metadata"]["name"]: node for node in self.items("v1", "nodes")}
        classes = {
            each["metadata"]["name"]: each for each in self.items("storage.k8s.io/v1", "storageclasses")
        }
        volumes = {each["metadata"]["name"]: each for each in self.items("v1", "persistentvolumes")}
        for claim in self.items("v1", "persistentvolumeclaims"):
            chosen = (claim["metadata"].get("annotations") or {}).get(SELECTED)
            class_ = classes.get(claim["spec"].get("storageClassName", ""))
            name = f"pvc-{claim['metadata']['uid']}"
            if chosen in nodes and class_ and name not in volumes and class_["provisioner"] == PROVISIONER:
                self.judge.create(volume(name, claim, class_, nodes, chosen))
        for name, each in volumes.items():
            released = each["status"].get("phase") == "Released"
            if released and each["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                self.judge.server.call("DELETE", f"/api/v1/persistentvolumes/{name}")

    def scale(self) -> None:
        for pod in self.items("v1", "pods"):
            conditions = pod["status"].get("conditions") or ()
            if any(each.get("reason") == "Unschedulable" for each in conditions):
                fitting = [pool for pool in self.pools if may_run(pod, pool)]
                # The autoscaler would ask the scheduler; the pod's own kind of pool is the last that fits.
                for pool in fitting[-1:]:
                    if self.count(pool) < self.most[pool.name]:
                        self.add_node(pool)
                        return

    def count(self, pool: Pool) -> int:
        nodes = self.items("v1", "nodes")
        return sum(node["metadata"]["labels"].get(POOL) == pool.name for node in nodes)

    def add_node(self, pool: Pool) -> None:
        taken = {node["metadata"]["name"] for node in self.items("v1", "nodes")}
        number = next(n for n in range(1000) if pool.node(n)["metadata"]["name"] not in taken)
        assert not (said := self.judge.create(pool.node(number))), said

    # Operators

    def issue(self) -> None:
        for kind in ISSUED:
            plural = f"{kind.lower()}s"
            for item in self.items("cert-manager.io/v1", plural):
                if not (item.get("status") or {}).get("conditions"):
                    if kind == "Certificate":
                        self.certify(item)
                    ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": "a stand-in's"}
                    item["status"] = {"conditions": [ready]}
                    self.put_status("cert-manager.io/v1", plural, item | {"kind": kind})

    def certify(self, item: Manifest) -> None:
        name, namespace = item["spec"]["secretName"], item["metadata"]["namespace"]
        certificate, key = self.authority.issue(name, *item["spec"].get("dnsNames", ()))
        files = {"tls.crt": certificate, "tls.key": key, "ca.crt": self.authority.certificate}
        at = {"name": name, "namespace": namespace}
        self.judge.create({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": at,
            "stringData": {key: file.read_text() for key, file in files.items()},
        })  # fmt: skip

    def operate(self) -> None:
        for kind, version in OPERATED.items():
            for item in self.items(version, "prometheuses" if kind == "Prometheus" else plural_of(kind)):
                made = {"apiVersion": version, **item, "kind": kind}
                for workload in stateful_sets(made):
                    path = self.judge.path(workload)
                    if not self.judge.server.call("GET", path).ok:
                        said = self.judge.create(workload)
                        assert not said, said


def plural_of(kind: str) -> str:
    return kind.lower() if kind == "Elasticsearch" else f"{kind.lower()}s"


def volume(name: str, claim: Any, class_: Any, nodes: Any, chosen: str) -> Manifest:
    """A disk for a claim: in one zone, or in all with zone-redundant storage."""
    zones = {nodes[chosen]["metadata"]["labels"][ZONE]}
    if class_["parameters"]["skuName"].endswith("_ZRS"):
        zones = {node["metadata"]["labels"][ZONE] for node in nodes.values()}
    at = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": at["name"]}
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": sorted(zones)}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": claim["spec"]["resources"]["requests"],
            "accessModes": claim["spec"]["accessModes"],
            "storageClassName": class_["metadata"]["name"],
            "persistentVolumeReclaimPolicy": class_["reclaimPolicy"],
            "claimRef": reference | {"namespace": at["namespace"], "uid": at["uid"]},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
        },
    }


def stateful_sets(item: Manifest) -> Iterator[Manifest]:
    """What an operator makes of its object; it goes when the object goes."""
    kind, at, spec = item["kind"], item["metadata"], item["spec"]
    made = by_operator(kind, at["name"])
    assert made
    if kind == "Elasticsearch":
        [nodes] = spec["nodeSets"]
        template, replicas, claims = nodes["podTemplate"], nodes["count"], nodes.get("volumeClaimTemplates")
    elif kind == "Kibana":
        template, replicas, claims = spec["podTemplate"], spec.get("count", 1), []
    else:
        names = ("affinity", "nodeSelector", "priorityClassName", "securityContext", "serviceAccountName",
                 "tolerations", "topologySpreadConstraints")  # fmt: skip
        pod = {name: spec[name] for name in names if spec.get(name)}
        template = {
            "spec": pod | {"containers": [{"name": kind.lower(), "resources": spec.get("resources", {})}]}
        }
        replicas, claim = spec.get("replicas", 1), (spec.get("storage") or {}).get("volumeClaimTemplate")
        claims = [{"metadata": {"name": "db"}, **claim}] if claim else []
    claims = [
        {"metadata": {"name": each["metadata"].get("name") or "db"}, "spec": each["spec"]} for each in claims
    ]
    # Both operators set this for each container.
    usual = {"image": kind.lower(), "securityContext": RESTRICTED_CONTAINER}
    containers = [usual | each for each in template["spec"]["containers"]]
    labels = made["labels"] | ((template.get("metadata") or {}).get("labels") or {})
    owner = {"apiVersion": item["apiVersion"], "kind": kind, "name": at["name"], "uid": at["uid"]}
    yield {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": made["name"], "namespace": at["namespace"], "ownerReferences": [owner]},
        "spec": {
            "replicas": replicas,
            "serviceName": made["name"],
            "selector": {"matchLabels": made["labels"]},
            "template": {
                "metadata": {"labels": labels},
                "spec": template["spec"] | {"containers": containers},
            },
            "volumeClaimTemplates": claims,
        },
    }
