"""The Kubernetes API server of a cluster, as the kubernetes provider sees it.

Sources: the provider run against a real API server, its diff.go (replacements) and await (readiness).
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import yaml

from rehearsal import chart_values, schema
from rehearsal.cert_manager import certificate, certificate_unready, issuer_works
from rehearsal.cluster_objects import CLUSTER_WIDE, cluster_and_namespace, exists, kind_name, object_key
from rehearsal.helm import RELEASE, crds, release
from rehearsal.pod_admission import pods_can_start
from rehearsal.properties import Props, find, unknown
from rehearsal.provider import Paths, Provider
from rehearsal.resource_types import Check, Request, ResourceType, rule
from rehearsal.store import RefusedError, Store

AUTONAMED, REPLACE_UNREADY = "pulumi.com/autonamed", "pulumi.com/replaceUnready"
NAMED = ("metadata.name", "metadata.namespace")
SECRET, CONFIG_MAP = "kubernetes:core/v1:Secret", "kubernetes:core/v1:ConfigMap"
JOB = "kubernetes:batch/v1:Job"


# Refusals of the API server, and objects that never become ready


def missing_namespace(request: Request) -> str:
    namespace = cluster_and_namespace(request.id)[1]
    return namespace if namespace and not exists(request, "Namespace", namespace) else ""


def missing_kind(request: Request) -> str:
    """The kind of a custom resource whose CRD is not in the cluster."""
    group = request.type.split(":")[1].partition("/")[0]
    return "" if group in crds(request) else f'"{kind_name(request.type)}" in "{group}"'


def missing_role(request: Request) -> str:
    """The role of a binding. The account may follow: a chart creates its own after the binding."""
    kind, name = request.inputs["roleRef"]["kind"], request.inputs["roleRef"]["name"]
    return "" if exists(request, kind, name) else f'{kind.lower()} "{name}"'


NAMESPACE_EXISTS = rule("NotFound", 'namespaces "{}" not found', missing_namespace)
ROLE_EXISTS = rule("NotFound", "{} not found", missing_role)
CRD_EXISTS = rule("NoKindMatch", "no matches for kind {}", missing_kind)
DATA_IS_SMALL = rule(
    "Invalid", "Too long: may not be more than 1048576 bytes",
    lambda r: sum(len(str(value)) for value in (r.inputs.get("data") or {}).values()) > 1024 * 1024)  # fmt: skip


class Cluster(Provider):
    """The API server of a kubeconfig."""

    checks = (NAMESPACE_EXISTS,)

    def resource_type(self, type_: str) -> ResourceType | None:
        known = self.types.get(type_)
        if known is None and "." in type_.split(":")[1] and ".k8s.io/" not in type_:
            return CUSTOM.get(type_.rpartition(":")[2], custom())
        return known

    def key(self, type_: str, id_: str, context: Any) -> str:
        found = cluster_of(self.store, self.configs[context.peer()])
        return object_key(f"/kubernetes{found['id']}", type_, id_)

    def fill_defaults(self, type_: str, old: Props, new: Props, name: str) -> Props:
        at, was = new, old
        if type_ != RELEASE:
            at, was = new.setdefault("metadata", {}), old.get("metadata", {})
        if unknown(at) and not isinstance(at, dict):
            return new
        if not at.get("name"):
            at["name"] = was.get("name") or f"{name}-{secrets.token_hex(4)}"
            if type_ != RELEASE:
                at["annotations"] = at.get("annotations", {}) | {AUTONAMED: "true"}
        if kind_name(type_) not in CLUSTER_WIDE:
            at.setdefault("namespace", "default")
        given = new.pop("stringData", None) or {}
        if not isinstance(given, dict):
            return new | {"data": given}  # all its keys are unknown
        for key, value in given.items():
            encoded = value if unknown(value) else base64.b64encode(str(value).encode()).decode()
            new["data"] = new.get("data", {}) | {key: encoded}
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        if type_ in self.types:
            yield from schema.problems(type_, new)
        if type_ == RELEASE:
            yield from chart_values.problems(new)

    def explicitly_named(self, kind: ResourceType, new: Props) -> bool:  # noqa: ARG002
        return AUTONAMED not in new.get("metadata", {}).get("annotations", {})

    def replace_on(self, kind: ResourceType, request: Any, context: Any) -> tuple[Paths, Paths]:
        """A failed Job runs again if it has the annotation `replaceUnready`."""
        config = self.configs[context.peer()]
        flag = {SECRET: "enableSecretMutable", CONFIG_MAP: "enableConfigMapMutable"}.get(request.type)
        immutable = flag and str(config.get(flag)).lower() != "true"
        wanted = kind.replaces + (("data", "binaryData", "type") if immutable else ())
        marked = request.type == JOB and REPLACE_UNREADY in str(request.news.fields["metadata"])
        found = self.store.get(self.key(JOB, request.id, context)) if marked and not unknown(config) else None
        return wanted, (f'metadata.annotations["{REPLACE_UNREADY}"]',) if job_failed(found) else ()

    def serialize(self, kind: ResourceType, props: Props) -> Props:
        """A Secret's values as digests: drift is visible, and no secret is on disk."""
        given = props.get("data") if kind is RESOURCE_TYPES[SECRET] else None
        digests = {"data": {key: digest(value) for key, value in given.items()}} if given else {}
        return super().serialize(kind, props) | digests

    def deserialize(self, kind: ResourceType, stored: Props, known: Props) -> Props:
        if kind is not RESOURCE_TYPES[SECRET]:
            return super().deserialize(kind, stored, known)
        mine = {digest(value): value for value in (known.get("data") or {}).values()}
        same = {key: mine.get(value, value) for key, value in stored.get("data", {}).items()}
        return stored | ({"data": same} if same else {})


def digest(value: Any) -> str:
    return "sha256:" + hashlib.sha256(str(value).encode()).hexdigest()


def server(kubeconfig: Any) -> str:
    config = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    return str(config["clusters"][0]["cluster"]["server"])


def cluster_of(store: Store, config: Props) -> dict[str, Any]:
    """The cluster with the address in the kubeconfig."""
    if not config.get("kubeconfig"):
        raise RefusedError("NoKubeconfig", "a provider without a kubeconfig would use the caller's own")
    address = server(config["kubeconfig"])
    for cluster in store.all("azure-native:containerservice:ManagedCluster"):
        if cluster["outputs"]["fqdn"] in address:
            return cluster
    raise RefusedError("Unreachable", f"configured Kubernetes cluster is unreachable: {address}")


def reachable(store: Store, config: Props) -> None:
    """The kubeconfig's cluster exists, and the caller is one of its administrators."""
    cluster, caller = cluster_of(store, config), store.get("/caller")
    admins = cluster["inputs"].get("aadProfile", {}).get("adminGroupObjectIDs", [])
    if caller and not set(admins) & set(caller["inputs"]["groups"]):
        raise RefusedError("Forbidden", f"{caller['inputs']['name']} is in none of {admins}")


def another_cluster(old: Props, new: Props) -> bool:
    """Whether a changed configuration means another cluster, so that the real provider replaces everything."""
    if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
        return old.get("clusterIdentifier") != new.get("clusterIdentifier")
    if unknown(new.get("kubeconfig")):
        return True
    return server(old["kubeconfig"]) != server(new["kubeconfig"])


# Outputs


def metadata(request: Request) -> Props:
    """Metadata as completed by the server."""
    found = request.store.get(request.id) or {"outputs": {}}
    version = int(found["outputs"].get("metadata", {}).get("resourceVersion", 0)) + 1
    completed = {"uid": request.store.guid(request.id), "resourceVersion": str(version)}
    return {"metadata": request.inputs.get("metadata", {}) | completed}


def job(request: Request) -> Props:
    """A Job runs once. Its status stays until it is replaced."""
    found, fault = request.store.get(request.id), request.store.fault(request.id)
    condition = {"type": "Failed", "reason": fault} if fault else {"type": "Complete"}
    status = {"conditions": [condition | {"status": "True"}]}
    return metadata(request) | {"status": found["outputs"]["status"] if found else status}


def job_failed(found: dict[str, Any] | None) -> str:
    for condition in find(found or {}, "outputs.status.conditions.*"):
        if condition["type"] == "Failed":
            return f"[{condition['reason']}] Job has failed"
    return ""


def kind(*replaces: str, **how: Any) -> ResourceType:
    usual: Props = {
        "id": "{metadata[namespace]}/{metadata[name]}", "role": "", "seconds": 0.5, "outputs": metadata,
        "replaces": (*NAMED, *replaces), "unknown_in_preview": ("status",), "stable": ("metadata",), "immutable_error": "Invalid",
    }  # fmt: skip
    return ResourceType(**(usual | how))


def cluster_wide(*replaces: str, **how: Any) -> ResourceType:
    """A type without a namespace."""
    return kind(*replaces, id="{metadata[name]}", **how)


def custom(*checks: Check, **how: Any) -> ResourceType:
    return kind(checks=(CRD_EXISTS, *checks), **how)


RESOURCE_TYPES: dict[str, ResourceType] = {
    f"kubernetes:{type_}": kind_
    for type_, kind_ in {
        "core/v1:Namespace": cluster_wide(seconds=1),
        "core/v1:Secret": kind(checks=(DATA_IS_SMALL,), secret=("data",)),
        "core/v1:ConfigMap": kind(checks=(DATA_IS_SMALL,)),
        "core/v1:ConfigMapPatch": kind(singleton=True),
        "core/v1:ServiceAccount": kind(),
        "core/v1:ServiceAccountPatch": kind(singleton=True),
        "batch/v1:Job": kind(
            *(f"spec.{p}" for p in ("completions", "parallelism", "selector", "template")),
            checks=(pods_can_start,), outputs=job, unready=lambda r: job_failed(r.store.get(r.id)), seconds=30),
        "batch/v1:CronJob": kind(checks=(pods_can_start,)),
        "networking.k8s.io/v1:NetworkPolicy": kind(),
        "policy/v1:PodDisruptionBudget": kind(),
        "rbac.authorization.k8s.io/v1:Role": kind(),
        "rbac.authorization.k8s.io/v1:RoleBinding": kind("roleRef", checks=(ROLE_EXISTS,)),
        "rbac.authorization.k8s.io/v1:ClusterRole": cluster_wide(),
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding": cluster_wide("roleRef", checks=(ROLE_EXISTS,)),
        "scheduling.k8s.io/v1:PriorityClass": cluster_wide(immutable=("value", "preemptionPolicy")),
        "storage.k8s.io/v1:StorageClass": cluster_wide(
            "parameters", "provisioner", immutable=("reclaimPolicy", "volumeBindingMode")),
        "helm.sh/v3:Release": release(),
    }.items()
}  # fmt: skip

CUSTOM: dict[str, ResourceType] = {
    "Certificate": custom(outputs=certificate, unready=certificate_unready, seconds=30),
    "ClusterIssuer": custom(issuer_works, id="{metadata[name]}", seconds=5),
}
"""Custom resources with effects here; all others are only stored."""
