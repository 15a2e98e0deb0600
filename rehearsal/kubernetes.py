"""What a cluster's API server knows, and how the kubernetes provider comes to it.

Sources: the provider run against a real API server, its diff.go (what replaces) and await (what it waits for).
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import yaml

from rehearsal import chart_values, schema
from rehearsal.cert_manager import certificate, issued, issuer_works
from rehearsal.cluster_objects import exists, kind_name, namespaced, place, refused, where
from rehearsal.helm import RELEASE, crds, release
from rehearsal.pod_admission import pods_can_start
from rehearsal.provider import Provider
from rehearsal.resource_types import Call, Kind, Props, RefusedError, find, unknown
from rehearsal.store import Cloud

AUTONAMED = "pulumi.com/autonamed"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
DIGEST = "sha256:"


class Cluster(Provider):
    """The API server that a kubeconfig leads to."""

    @property
    def always(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (namespace_exists,)

    def kind(self, type_: str) -> Kind | None:
        known = self.kinds.get(type_)
        if known is None and "." in type_.split(":")[1] and ".k8s.io/" not in type_:
            return CUSTOM.get(type_.rpartition(":")[2], custom())
        return known

    def key(self, kind: Kind, type_: str, id_: str, context: Any) -> str:  # noqa: ARG002
        return place(self._root(context), type_, id_)

    def _root(self, context: Any) -> str:
        found = cluster_of(self.cloud, self.configs[context.peer()])
        return f"/kubernetes{found['id']}"

    def completed(self, type_: str, old: Props, new: Props, name: str) -> Props:
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
            return new | {"data": given}  # not one of its keys is known
        for key, value in given.items():
            if not unknown(value):
                value = base64.b64encode(str(value).encode()).decode()  # noqa: PLW2901
            new["data"] = new.get("data", {}) | {key: value}
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        if type_ in self.kinds:
            yield from schema.problems(type_, new)
        if type_ == RELEASE:
            yield from chart_values.problems(new)

    def named(self, kind: Kind, new: Props) -> bool:  # noqa: ARG002
        return AUTONAMED not in new.get("metadata", {}).get("annotations", {})

    def replaced(self, kind: Kind, request: Any, context: Any) -> tuple[str, ...]:
        flag = {SECRET: "enableSecretMutable", CONFIG_MAP: "enableConfigMapMutable"}.get(request.type)
        fixed = flag and str(self.configs[context.peer()].get(flag)).lower() != "true"
        return kind.replaces + (("data", "binaryData", "type") if fixed else ())

    def broken(self, kind: Kind, request: Any, context: Any) -> tuple[str, ...]:
        """A Job that failed is run again only if it asks for that."""
        path = f'metadata.annotations["{REPLACE_UNREADY}"]'
        asked = REPLACE_UNREADY in str(request.news.fields["metadata"])
        if request.type != JOB or not asked or not self.reached(context):
            return ()
        found = self.cloud.get(self.key(kind, request.type, request.id, context))
        return (path,) if found and job_failed(found) else ()

    def reached(self, context: Any) -> bool:
        return not unknown(self.configs[context.peer()].get("kubeconfig"))

    def kept(self, kind: Kind, props: Props) -> Props:
        """A Secret's keys with digests, so that a drift is seen and no value is on disk."""
        digests = {k: digest(v) for k, v in props.get("data", {}).items()} if kind is KINDS[SECRET] else {}
        return super().kept(kind, props) | ({"data": digests} if digests else {})

    def recalled(self, kind: Kind, kept: Props, known: Props) -> Props:
        if kind is not KINDS[SECRET]:
            return super().recalled(kind, kept, known)
        mine = known.get("data") or {}
        same = {
            k: mine[k] if k in mine and digest(mine[k]) == v else v for k, v in kept.get("data", {}).items()
        }
        return kept | ({"data": same} if same else {})


def digest(value: Any) -> str:
    return DIGEST + hashlib.sha256(str(value).encode()).hexdigest()


def server(kubeconfig: Any) -> str:
    config = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    return str(config["clusters"][0]["cluster"]["server"])


def cluster_of(cloud: Cloud, config: Props) -> dict[str, Any]:
    """The cluster that a kubeconfig leads to."""
    if not config.get("kubeconfig"):
        raise RefusedError("NoKubeconfig", "a provider without a kubeconfig would use the caller's own")
    address = server(config["kubeconfig"])
    for cluster in cloud.all("azure-native:containerservice:ManagedCluster"):
        if cluster["outputs"]["fqdn"] in address:
            return cluster
    raise RefusedError("Unreachable", f"configured Kubernetes cluster is unreachable: {address}")


def reachable(cloud: Cloud, config: Props) -> None:
    """The kubeconfig leads to a cluster that exists and lets the caller in."""
    cluster, caller = cluster_of(cloud, config), cloud.get("/caller")
    admins = cluster["inputs"].get("aadProfile", {}).get("adminGroupObjectIDs", [])
    if caller and not set(admins) & set(caller["inputs"]["groups"]):
        raise RefusedError("Forbidden", f"{caller['inputs']['name']} is in none of {admins}")


def another_cluster(old: Props, new: Props) -> bool:
    """Whether the real provider takes a changed configuration for another cluster, and replaces all in it."""
    if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
        return old.get("clusterIdentifier") != new.get("clusterIdentifier")
    if unknown(new.get("kubeconfig")):
        return True
    return server(old["kubeconfig"]) != server(new["kubeconfig"])


# What the API server refuses, or what never works


def namespace_exists(call: Call) -> None:
    _, namespace = where(call)
    if namespace and "/namespaces/" in call.id and not exists(call, "Namespace", namespace):
        call.refuse("NotFound", f'namespaces "{namespace}" not found')


def crd_exists(call: Call) -> None:
    group = call.type.split(":")[1].partition("/")[0]
    if group not in crds(call):
        call.refuse("NoKindMatch", f'no matches for kind "{kind_name(call.type)}" in "{group}"')


def role_exists(call: Call) -> None:
    """A role has to exist. An account need not: charts bring their own, after what they are bound by."""
    role = call.inputs["roleRef"]
    if role["name"] not in GIVEN_ROLES and not exists(call, role["kind"], role["name"]):
        refused(call, "NotFound", role["kind"], role["name"])


def ingress_leads_somewhere(call: Call) -> None:
    class_ = call.get("spec.ingressClassName")
    if class_ and not exists(call, "IngressClass", class_):
        refused(call, "IngressClassNotFound", "IngressClass", class_)
    for service in find(call.inputs, "spec.rules.*.http.paths.*.backend.service.name"):
        if not exists(call, "Service", service):
            refused(call, "ServiceNotFound", "Service", service)
    for secret in find(call.inputs, "spec.tls.*.secretName"):
        if not exists(call, "Secret", secret) and secret not in promised(call):
            refused(call, "SecretNotFound", "Secret", secret)


def promised(call: Call) -> list[str]:
    """Names of the Secrets that certificates of the namespace are going to make."""
    mine = [o for o in call.cloud.all() if kind_name(o["type"]) == "Certificate" and where(o) == where(call)]
    return [name for o in mine for name in find(o["inputs"], "spec.secretName")]


def class_exists(call: Call) -> None:
    class_ = call.get("spec.storageClassName")
    if class_ and not exists(call, "StorageClass", class_):
        refused(call, "ProvisioningFailed", "StorageClass", class_)


def data_is_small(call: Call) -> None:
    size = sum(len(str(value)) for value in (call.inputs.get("data") or {}).values())
    if size > 1024 * 1024:
        call.refuse("Invalid", "Too long: may not be more than 1048576 bytes")


# What the cluster answers


def made(call: Call) -> Props:
    """Metadata as the server completes it."""
    metadata = call.inputs.get("metadata", {})
    found = call.cloud.get(call.id) or {"outputs": {}}
    version = int(found["outputs"].get("metadata", {}).get("resourceVersion", 0)) + 1
    return {"metadata": metadata | {"uid": call.cloud.stable.guid(call.id), "resourceVersion": str(version)}}


def job(call: Call) -> Props:
    """A Job runs once: what came of it stays until it is replaced."""
    found = call.cloud.get(call.id)
    status = found["outputs"]["status"] if found else None
    fault = call.cloud.fault(call.id)
    condition = {"type": "Failed" if fault else "Complete", "status": "True"} | (
        {"reason": fault} if fault else {}
    )
    return made(call) | {"status": status or {"conditions": [condition]}}


def job_failed(found: dict[str, Any]) -> str:
    for condition in found["outputs"].get("status", {}).get("conditions", []):
        if condition["type"] == "Failed":
            return f"[{condition['reason']}] Job has failed"
    return ""


def job_unready(call: Call) -> str:
    found = call.cloud.get(call.id)
    return job_failed(found) if found else ""


def workload(call: Call) -> Props:
    return made(call) | {"status": {"readyReplicas": call.get("spec.replicas")}}


def workload_unready(call: Call) -> str:
    fault = call.cloud.fault(call.id)
    return f"Timeout waiting for {call.id.rpartition('/')[2]} to be ready: {fault}" if fault else ""


def service(call: Call) -> Props:
    third = int(call.cloud.stable.guid(call.id)[:4], 16)
    spec = {"clusterIP": f"10.0.{third // 256}.{third % 256}"} | call.inputs["spec"]
    balanced = spec.get("type") == "LoadBalancer"
    status = {
        "loadBalancer": {"ingress": [{"ip": f"20.50.{third // 256}.{third % 256}"}]} if balanced else {}
    }
    return made(call) | {"spec": spec, "status": status}


NAMED = ("metadata.name", "metadata.namespace")
SECRET, CONFIG_MAP, JOB = (
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:batch/v1:Job",
)
GIVEN_ROLES = ("cluster-admin", "admin", "edit", "view", "system:auth-delegator")


def kind(*replaces: str, **how: Any) -> Kind:
    usual: Props = {
        "id": "{metadata[namespace]}/{metadata[name]}", "role": "", "seconds": 0.5, "outputs": made,
        "replaces": (*NAMED, *replaces), "reshaped": ("status",), "stable": ("metadata",), "frozen": "Invalid",
    }  # fmt: skip
    return Kind(**(usual | how))


def whole(*replaces: str, **how: Any) -> Kind:
    """A kind that is in no namespace."""
    return kind(*replaces, id="{metadata[name]}", **how)


def runs(*replaces: str, **how: Any) -> Kind:
    usual: Props = {
        "checks": (pods_can_start,),
        "outputs": workload,
        "unready": workload_unready,
        "seconds": 20,
    }
    return kind(*replaces, **(usual | how))


def custom(**how: Any) -> Kind:
    checks = (crd_exists, *how.pop("checks", ()))
    return kind(checks=checks, **how)


BINDING: Any = {"checks": (role_exists,)}
KINDS: dict[str, Kind] = {
    f"kubernetes:{type_}": kind_
    for type_, kind_ in {
        "core/v1:Namespace": whole(seconds=1),
        "core/v1:Secret": kind(checks=(data_is_small,), secret=("data",)),
        "core/v1:ConfigMap": kind(checks=(data_is_small,)),
        "core/v1:Service": kind("spec.clusterIP", outputs=service, seconds=5),
        "core/v1:ServiceAccount": kind(),
        "core/v1:ServiceAccountPatch": kind(singleton=True),
        "core/v1:Endpoints": kind(),
        "core/v1:LimitRange": kind(),
        "core/v1:ResourceQuota": kind("spec.scopes"),
        "core/v1:PersistentVolumeClaim": kind(
            *(f"spec.{p}" for p in ("accessModes", "selector", "storageClassName", "volumeName")),
            checks=(class_exists,), seconds=10),
        "apps/v1:Deployment": runs("spec.selector"),
        "apps/v1:DaemonSet": runs("spec.selector"),
        "apps/v1:StatefulSet": runs(*(f"spec.{p}" for p in (
            "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"))),
        "batch/v1:Job": runs(
            *(f"spec.{p}" for p in ("completions", "parallelism", "selector", "template")),
            outputs=job, unready=job_unready, seconds=30),
        "batch/v1:CronJob": kind(checks=(pods_can_start,)),
        "networking.k8s.io/v1:NetworkPolicy": kind(),
        "networking.k8s.io/v1:Ingress": kind(checks=(ingress_leads_somewhere,), seconds=5),
        "networking.k8s.io/v1:IngressClass": whole(),
        "policy/v1:PodDisruptionBudget": kind(),
        "rbac.authorization.k8s.io/v1:Role": kind(),
        "rbac.authorization.k8s.io/v1:RoleBinding": kind("roleRef", **BINDING),
        "rbac.authorization.k8s.io/v1:ClusterRole": whole(),
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding": whole("roleRef", **BINDING),
        "storage.k8s.io/v1:StorageClass": whole(
            "parameters", "provisioner", fixed=("reclaimPolicy", "volumeBindingMode")),
        "scheduling.k8s.io/v1:PriorityClass": whole(fixed=("value", "preemptionPolicy")),
        "autoscaling/v2:HorizontalPodAutoscaler": kind(),
        "helm.sh/v3:Release": release(),
    }.items()
}  # fmt: skip

CUSTOM: dict[str, Kind] = {
    "Certificate": custom(outputs=certificate, unready=issued, seconds=30),
    "ClusterIssuer": custom(id="{metadata[name]}", checks=(issuer_works,), seconds=5),
    "Issuer": custom(checks=(issuer_works,), seconds=5),
}
"""Kinds that charts bring and that do something here; all others are kept."""
