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
from rehearsal.cluster_objects import (
    cluster_and_namespace,
    exists,
    kind_name,
    namespaced,
    object_key,
    refuse_missing,
)
from rehearsal.helm import RELEASE, crds, release
from rehearsal.pod_admission import pods_can_start
from rehearsal.properties import Props, unknown
from rehearsal.provider import Provider
from rehearsal.resource_types import Request, ResourceType
from rehearsal.store import RefusedError, Store

AUTONAMED = "pulumi.com/autonamed"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
DIGEST = "sha256:"


class Cluster(Provider):
    """The API server of a kubeconfig."""

    @property
    def checks(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (namespace_exists,)

    def resource_type(self, type_: str) -> ResourceType | None:
        known = self.types.get(type_)
        if known is None and "." in type_.split(":")[1] and ".k8s.io/" not in type_:
            return CUSTOM.get(type_.rpartition(":")[2], custom())
        return known

    def key(self, kind: ResourceType, type_: str, id_: str, context: Any) -> str:  # noqa: ARG002
        return object_key(self._root(context), type_, id_)

    def _root(self, context: Any) -> str:
        found = cluster_of(self.store, self.configs[context.peer()])
        return f"/kubernetes{found['id']}"

    def fill_defaults(self, type_: str, old: Props, new: Props, name: str) -> Props:
        at, was = (
            (new, old) if type_ == RELEASE else (new.setdefault("metadata", {}), old.get("metadata", {}))
        )
        if unknown(at) and not isinstance(at, dict):
            return new
        if not at.get("name"):
            at["name"] = was.get("name") or f"{name}-{secrets.token_hex(4)}"
            if type_ != RELEASE:
                at["annotations"] = at.get("annotations", {}) | {AUTONAMED: "true"}
        if namespaced(type_):
            at.setdefault("namespace", "default")
        given = new.pop("stringData", None) or {}
        if not isinstance(given, dict):
            return new | {"data": given}  # all its keys are unknown
        for key, value in given.items():
            if not unknown(value):
                value = base64.b64encode(str(value).encode()).decode()  # noqa: PLW2901
            new["data"] = new.get("data", {}) | {key: value}
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        if type_ in self.types:
            yield from schema.problems(type_, new)
        if type_ == RELEASE:
            yield from chart_values.problems(new)

    def explicitly_named(self, kind: ResourceType, new: Props) -> bool:  # noqa: ARG002
        return AUTONAMED not in new.get("metadata", {}).get("annotations", {})

    def replace_on(self, kind: ResourceType, request: Any, context: Any) -> tuple[str, ...]:
        flag = {SECRET: "enableSecretMutable", CONFIG_MAP: "enableConfigMapMutable"}.get(request.type)
        immutable = flag and str(self.configs[context.peer()].get(flag)).lower() != "true"
        return kind.replaces + (("data", "binaryData", "type") if immutable else ())

    def rerun_on(self, kind: ResourceType, request: Any, context: Any) -> tuple[str, ...]:
        """A failed Job runs again if it has the annotation `replaceUnready`."""
        path = f'metadata.annotations["{REPLACE_UNREADY}"]'
        asked = REPLACE_UNREADY in str(request.news.fields["metadata"])
        if request.type != JOB or not asked or not self.reached(context):
            return ()
        found = self.store.get(self.key(kind, request.type, request.id, context))
        return (path,) if found and job_failed(found) else ()

    def reached(self, context: Any) -> bool:
        return not unknown(self.configs[context.peer()].get("kubeconfig"))

    def serialize(self, kind: ResourceType, props: Props) -> Props:
        """A Secret's values as digests: drift is visible, and no secret is on disk."""
        digests = (
            {k: digest(v) for k, v in props.get("data", {}).items()} if kind is RESOURCE_TYPES[SECRET] else {}
        )
        return super().serialize(kind, props) | ({"data": digests} if digests else {})

    def deserialize(self, kind: ResourceType, stored: Props, known: Props) -> Props:
        if kind is not RESOURCE_TYPES[SECRET]:
            return super().deserialize(kind, stored, known)
        mine = known.get("data") or {}
        same = {
            k: mine[k] if k in mine and digest(mine[k]) == v else v for k, v in stored.get("data", {}).items()
        }
        return stored | ({"data": same} if same else {})


def digest(value: Any) -> str:
    return DIGEST + hashlib.sha256(str(value).encode()).hexdigest()


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


# Refusals of the API server, and objects that never become ready


def namespace_exists(request: Request) -> None:
    _, namespace = cluster_and_namespace(request)
    if namespace and "/namespaces/" in request.id and not exists(request, "Namespace", namespace):
        request.refuse("NotFound", f'namespaces "{namespace}" not found')


def crd_exists(request: Request) -> None:
    group = request.type.split(":")[1].partition("/")[0]
    if group not in crds(request):
        request.refuse("NoKindMatch", f'no matches for kind "{kind_name(request.type)}" in "{group}"')


def role_exists(request: Request) -> None:
    """The role of a binding exists. The account may follow: a chart creates its own after the binding."""
    role = request.inputs["roleRef"]
    if role["name"] not in GIVEN_ROLES and not exists(request, role["kind"], role["name"]):
        refuse_missing(request, "NotFound", role["kind"], role["name"])


def data_is_small(request: Request) -> None:
    size = sum(len(str(value)) for value in (request.inputs.get("data") or {}).values())
    if size > 1024 * 1024:
        request.refuse("Invalid", "Too long: may not be more than 1048576 bytes")


# Outputs


def metadata(request: Request) -> Props:
    """Metadata as completed by the server."""
    metadata = request.inputs.get("metadata", {})
    found = request.store.get(request.id) or {"outputs": {}}
    version = int(found["outputs"].get("metadata", {}).get("resourceVersion", 0)) + 1
    return {
        "metadata": metadata | {"uid": request.store.ids.guid(request.id), "resourceVersion": str(version)}
    }


def job(request: Request) -> Props:
    """A Job runs once. Its status stays until it is replaced."""
    found = request.store.get(request.id)
    status = found["outputs"]["status"] if found else None
    fault = request.store.fault(request.id)
    condition = {"type": "Failed" if fault else "Complete", "status": "True"} | (
        {"reason": fault} if fault else {}
    )
    return metadata(request) | {"status": status or {"conditions": [condition]}}


def job_failed(found: dict[str, Any]) -> str:
    for condition in found["outputs"].get("status", {}).get("conditions", []):
        if condition["type"] == "Failed":
            return f"[{condition['reason']}] Job has failed"
    return ""


def job_unready(request: Request) -> str:
    found = request.store.get(request.id)
    return job_failed(found) if found else ""


NAMED = ("metadata.name", "metadata.namespace")
SECRET, CONFIG_MAP, JOB = (
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:batch/v1:Job",
)
GIVEN_ROLES = ("cluster-admin", "admin", "edit", "view", "system:auth-delegator")


def kind(*replaces: str, **how: Any) -> ResourceType:
    usual: Props = {
        "id": "{metadata[namespace]}/{metadata[name]}", "role": "", "seconds": 0.5, "outputs": metadata,
        "replaces": (*NAMED, *replaces), "unknown_in_preview": ("status",), "stable": ("metadata",), "immutable_error": "Invalid",
    }  # fmt: skip
    return ResourceType(**(usual | how))


def cluster_wide(*replaces: str, **how: Any) -> ResourceType:
    """A type without a namespace."""
    return kind(*replaces, id="{metadata[name]}", **how)


def custom(**how: Any) -> ResourceType:
    checks = (crd_exists, *how.pop("checks", ()))
    return kind(checks=checks, **how)


BINDING: Any = {"checks": (role_exists,)}
RESOURCE_TYPES: dict[str, ResourceType] = {
    f"kubernetes:{type_}": kind_
    for type_, kind_ in {
        "core/v1:Namespace": cluster_wide(seconds=1),
        "core/v1:Secret": kind(checks=(data_is_small,), secret=("data",)),
        "core/v1:ConfigMap": kind(checks=(data_is_small,)),
        "core/v1:ServiceAccount": kind(),
        "core/v1:ServiceAccountPatch": kind(singleton=True),
        "batch/v1:Job": kind(
            *(f"spec.{p}" for p in ("completions", "parallelism", "selector", "template")),
            checks=(pods_can_start,), outputs=job, unready=job_unready, seconds=30),
        "batch/v1:CronJob": kind(checks=(pods_can_start,)),
        "networking.k8s.io/v1:NetworkPolicy": kind(),
        "policy/v1:PodDisruptionBudget": kind(),
        "rbac.authorization.k8s.io/v1:Role": kind(),
        "rbac.authorization.k8s.io/v1:RoleBinding": kind("roleRef", **BINDING),
        "rbac.authorization.k8s.io/v1:ClusterRole": cluster_wide(),
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding": cluster_wide("roleRef", **BINDING),
        "storage.k8s.io/v1:StorageClass": cluster_wide(
            "parameters", "provisioner", immutable=("reclaimPolicy", "volumeBindingMode")),
        "helm.sh/v3:Release": release(),
    }.items()
}  # fmt: skip

CUSTOM: dict[str, ResourceType] = {
    "Certificate": custom(outputs=certificate, unready=certificate_unready, seconds=30),
    "ClusterIssuer": custom(id="{metadata[name]}", checks=(issuer_works,), seconds=5),
}
"""Custom resources with effects here; all others are only stored."""
