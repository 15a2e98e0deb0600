"""Charts of the tests' own, where the real ones are not at hand: the objects of `rehearsal/charts/*.yaml`.

Helm and the scheduler see the same workloads, with the same sizes, labels, accounts and claims. What the
facts do not have is not there: configuration, probes, roles. Kinds have no schema.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.kubernetes.job import RESTRICTED_CONTAINER
from rehearsal.helm import CRDS
from tests.conformance.cluster import TEMPLATES, Manifest, Release, Rendered
from tests.support.cluster_facts import listed, written
from tools.chart_facts import of_stack

OPERATED = ("Elasticsearch", "Kibana", "Prometheus", "Alertmanager")


def packed(chart: str, stack: str, sent: Rendered, folder: Path) -> Path:
    """A chart with what the real one makes for a stack's releases, each by its name."""
    releases = [release for release in sent.releases if release.chart == chart]
    groups = CRDS.get(chart, ("", False, ()))[2]
    kinds = sorted({(item["apiVersion"], item["kind"]) for item in sent.manifests})
    crds = [definition(*kind) for kind in kinds if kind[0].partition("/")[0] in groups]
    files = {
        "Chart.yaml": written({"apiVersion": "v2", "name": chart, "version": releases[0].version}),
        **{f"crds/{crd['metadata']['name']}.yaml": written(crd) for crd in crds},
    }
    for release in releases:
        facts = [fact for fact in of_stack(listed(chart)["objects"], stack) if is_of(fact, release, releases)]
        items = unique(item for fact in facts for item in manifests(fact, accounts(sent)))
        documents = "---\n".join(map(written, items))
        files[f"templates/{release.name}.yaml"] = (
            f'{{{{- if eq .Release.Name "{release.name}" }}}}\n{documents}\n{{{{- end }}}}\n'
        )
    package = folder / f"{chart}-{releases[0].version}.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{chart}/{name}")
            entry.size = len(data := content.encode())
            archive.addfile(entry, io.BytesIO(data))
    return package


def is_of(fact: Manifest, release: Release, releases: list[Release]) -> bool:
    """Whether an object is of this release: those of one chart differ in their namespaces or names."""
    beside = [each for each in releases if each.namespace == release.namespace]
    there = len(releases) == 1 or fact["namespace"] == release.namespace
    return there and (len(beside) == 1 or str(fact["name"]).startswith(release.name))


def accounts(sent: Rendered) -> set[tuple[str, str]]:
    """The program's own accounts."""
    return {
        (item["metadata"]["namespace"], item["metadata"]["name"])
        for item in sent.manifests
        if item["kind"] == "ServiceAccount"
    }


def manifests(fact: Manifest, own: set[tuple[str, str]]) -> Iterator[Manifest]:
    """A fact's object, with the account and the claims that it names."""
    kind, at = fact["kind"], {"name": fact["name"], "namespace": fact["namespace"]}
    if kind == "Service" and fact["ports"]:
        numbers = {port["port"]: port for port in fact["ports"]}  # the same one for TCP and for UDP
        ports = [{k: v for k, v in port.items() if v is not None} for port in numbers.values()]
        yield {"apiVersion": "v1", "kind": kind, "metadata": at, "spec": {
            "selector": fact.get("selector") or {}, "ports": ports}}  # fmt: skip
    if kind not in {*TEMPLATES, *OPERATED} - {"CronJob"} or fact.get("hook"):
        return
    account = fact.get("account") or "default"
    if account != "default" and (fact["namespace"], account) not in own:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": at | {"name": account}}
    for name in fact.get("claims", ()):
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": at | {"name": name},
            "spec": claim("1Gi"),
        }
    set_ = "StatefulSet" if kind in OPERATED else kind
    spec: Manifest = {"template": {"metadata": {"labels": fact["labels"]}, "spec": pod(fact, account)}}
    if set_ != "Job":
        spec["selector"] = {"matchLabels": fact["labels"]}
    if set_ in ("Deployment", "StatefulSet"):
        spec["replicas"] = fact["replicas"]
    if set_ == "StatefulSet":
        spec["serviceName"] = fact["name"]
        templates = fact.get("claimTemplates", {}).items()
        spec["volumeClaimTemplates"] = [
            {"metadata": {"name": n}, "spec": claim(size)} for n, size in templates
        ]
    version = "batch/v1" if set_ == "Job" else "apps/v1"
    yield {"apiVersion": version, "kind": set_, "metadata": at, "spec": spec}


def pod(fact: Manifest, account: str) -> Manifest:
    image = (fact.get("images") or ["none"])[0]
    sizes: dict[str, Any] = fact.get("resources") or {"main": {}}
    found: Manifest = {
        "serviceAccountName": account,
        # Facts have no security contexts: without these the namespace's level refuses the pod.
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {"name": n, "image": image, "resources": size, "securityContext": RESTRICTED_CONTAINER}
            for n, size in sizes.items()
        ],
        "volumes": [
            {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": name}}
            for number, name in enumerate(fact.get("claims", ()))
        ],
        "tolerations": [{"operator": "Exists"}]
        if fact["kind"] == "DaemonSet"
        else fact.get("tolerations", [{"operator": "Exists"}] if fact.get("nodeSelector") else []),
    }
    if fact["kind"] == "Job":
        found["restartPolicy"] = "Never"
    if fact.get("oneOnEachNode"):
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": fact["labels"]}}
        found["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for key, name in (("nodeSelector", "nodeSelector"), ("priority", "priorityClassName")):
        if fact.get(key):
            found[name] = fact[key]
    return found


def claim(size: str) -> Manifest:
    return {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "scratch",
        "resources": {"requests": {"storage": size}},
    }


def definition(version: str, kind: str) -> Manifest:
    group, _, number = version.partition("/")
    plural = "prometheuses" if kind == "Prometheus" else f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": number, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    wide = "Cluster" if kind.startswith("Cluster") else "Namespaced"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": wide,
            "names": {"kind": kind, "plural": plural},
            "versions": [served | {"subresources": {"status": {}}}],
        },
    }


def unique(items: Iterable[Manifest]) -> list[Manifest]:
    found = {(item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]): item for item in items}
    return list(found.values())
