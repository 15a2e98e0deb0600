"""The Kubernetes API server of a cluster, as the kubernetes provider sees it.

Sources: the provider run against a real API server, its diff.go (replacements) and await (readiness).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import Any

import yaml

from rehearsal import chart_values, schema
from rehearsal.cert_manager import certificate, certificate_unready, issuer_works
from rehearsal.cluster_objects import CLUSTER_WIDE, cluster_and_namespace, exists, kind_name, object_key
from rehearsal.helm import JOB, RELEASE, crds, release
from rehearsal.pod_admission import pods_can_start
from rehearsal.properties import Props, changes, find, unknown
from rehearsal.provider import Paths, Provider
from rehearsal.resource_types import Check, Request, ResourceType, rule
from rehearsal.store import RefusedError, Store

AUTONAMED, REPLACE_UNREADY = "pulumi.com/autonamed", "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
TIMEOUT, DEFAULT_TIMEOUT = "pulumi.com/timeoutSeconds", 600
NAMED = ("metadata.name", "metadata.namespace")
SECRET, CONFIG_MAP = "kubernetes:core/v1:Secret", "kubernetes:core/v1:ConfigMap"
SEEN = ("BackoffLimitExceeded", "DeadlineExceeded")
"""The reasons of a failed Job that the provider knows (await/checker/job). After others it goes on waiting."""
EXIT = re.compile(r"exit (\d+): (.*)", re.DOTALL)
"""A fault of a Job: how its container ends, and what it says last."""


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
        if unknown(new.get("stringData")) or not new.get("stringData"):
            return new  # the provider converts it when all of it is known (clients/unstructured.go)
        given = new.pop("stringData")
        for key, value in given.items():
            encoded = base64.b64encode(str(value).encode()).decode()
            new["data"] = new.get("data", {}) | {key: encoded}
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        if type_ in self.types:
            yield from schema.problems(type_, new)
        if type_ == SECRET and new.get("stringData") == {}:
            yield "stringData", "is empty: the provider then shows a change in every preview; leave it out"
        if type_ == RELEASE:
            yield from chart_values.problems(new)
            if "allowNullValues" in new:
                yield (
                    "allowNullValues",
                    "is deprecated and has no effect; null values are preserved by default",
                )

    def explicitly_named(self, kind: ResourceType, new: Props) -> bool:  # noqa: ARG002
        metadata = new.get("metadata", {})  # unknown while what it depends on would be replaced
        return AUTONAMED not in (metadata.get("annotations", {}) if isinstance(metadata, dict) else {})

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

    def owned(self, kind: ResourceType, live: Props, known: Props) -> Props:  # noqa: ARG002
        """What is in the program, too: keys that others add are no drift (provider.go, pruneLiveState)."""
        pruned: Props = intersection(live, known) if known else live
        return pruned

    def remembered(self, inputs: Props) -> Props:
        """The fields that the provider owns, with the values that it gave them."""
        return {"applied": inputs}

    def refuse_conflict(self, kind: ResourceType, operation: Request, config: Props) -> None:
        """Server-side apply: a field that another manager has set is not overwritten without force."""
        found = self.store.get(operation.id) or {}
        annotations = operation.inputs.get("metadata", {}).get("annotations") or {}
        forced = "true" in (str(config.get("enablePatchForce")).lower(), annotations.get(PATCH_FORCE))
        if forced or operation.type == RELEASE or "applied" not in found:
            return
        theirs = {path for path, what in changes(found["applied"], found["inputs"]) if what != "delete"}
        wanted = self.serialize(kind, operation.inputs)
        mine = {path for path, what in changes(found["inputs"], wanted) if what == "update"}
        if both := sorted(theirs & mine):
            text = 'Apply failed with {} conflict: conflict with "kubectl-edit": .{}'
            operation.refuse("Conflict", text.format(len(both), ", .".join(both)))

    def deserialize(self, kind: ResourceType, stored: Props, known: Props) -> Props:
        if kind is not RESOURCE_TYPES[SECRET]:
            return super().deserialize(kind, stored, known)
        mine = {digest(value): value for value in (known.get("data") or {}).values()}
        same = {key: mine.get(value, value) for key, value in stored.get("data", {}).items()}
        return stored | ({"data": same} if same else {})


def intersection(live: Any, known: Any) -> Any:
    """Of `live`, the keys that `known` has."""
    if isinstance(live, dict) and isinstance(known, dict):
        return {key: intersection(value, known[key]) for key, value in live.items() if key in known}
    if isinstance(live, list) and isinstance(known, list) and len(live) == len(known):
        return [intersection(*pair) for pair in zip(live, known, strict=True)]
    return live


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
    condition = {"type": "Failed", "reason": job_reason(request.inputs["spec"], fault)}
    condition = condition if fault else {"type": "Complete"}
    status = {"conditions": [condition | {"status": "True"}]}
    return metadata(request) | {"status": found["outputs"]["status"] if found else status}


def job_reason(spec: Props, fault: str) -> str:
    """Why Kubernetes says that a Job has failed (its docs: "Pod failure policy")."""
    if not (ended := EXIT.fullmatch(fault)):
        return fault
    for rule_ in find(spec, "podFailurePolicy.rules.*"):
        if rule_["action"] == "FailJob" and int(ended[1]) in rule_.get("onExitCodes", {}).get("values", ()):
            return "PodFailurePolicy"
    return "BackoffLimitExceeded"


def job_failed(found: dict[str, Any] | None) -> str:
    """Why a Job has failed: its condition's reason."""
    conditions = find(found or {}, "outputs.status.conditions.*")
    return next((str(each["reason"]) for each in conditions if each["type"] == "Failed"), "")


def job_unready(request: Request) -> str:
    """What the provider says of a failed Job: its pods' last words, and the reason or that it waited."""
    reason = job_failed(request.store.get(request.id))
    if not reason:
        return ""
    said = ""
    if ended := EXIT.fullmatch(request.store.fault(request.id)):
        container = request.inputs["spec"]["template"]["spec"]["containers"][0]
        words = f'container "{container["name"]}" completed with exit code {ended[1]}'
        if container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            words = f"[Error] {ended[2]}"
        said = f"[Pod {request.id.rpartition('/')[2]}]: {words}; "
    if reason in SEEN:
        return f"{said}[{reason}] Job has failed"
    return f"'{request.name}' timed out waiting to be Ready; {said}".rstrip("; ")


def job_waits(request: Request) -> float:
    """How long the provider waits in vain: the whole timeout, for a failure that it does not know."""
    if job_failed(request.store.get(request.id)) in ("", *SEEN):
        return 0
    return float(request.inputs["metadata"].get("annotations", {}).get(TIMEOUT, DEFAULT_TIMEOUT))


def kind(*replaces: str, **how: Any) -> ResourceType:
    usual: Props = {
        "id": "{metadata[namespace]}/{metadata[name]}", "role": "", "seconds": 0.5, "outputs": metadata,
        "replaces": (*NAMED, *replaces), "unknown_in_preview": ("status",), "stable": ("metadata",), "immutable_error": "Invalid",
    }  # fmt: skip
    return ResourceType(**(usual | how))


def cluster_wide(*replaces: str, **how: Any) -> ResourceType:
    """A type without a namespace."""
    return kind(*replaces, id="{metadata[name]}", **how)


def data_goes(request: Request) -> None:
    """What is in Vault is on Consul's disks, whose claims go with their namespace."""
    if request.get("metadata.name") == "consul":
        request.store.drop("/vault")


def custom(*checks: Check, **how: Any) -> ResourceType:
    return kind(checks=(CRD_EXISTS, *checks), **how)


RESOURCE_TYPES: dict[str, ResourceType] = {
    f"kubernetes:{type_}": kind_
    for type_, kind_ in {
        "core/v1:Namespace": cluster_wide(seconds=1, on_delete=data_goes),
        "core/v1:Secret": kind(checks=(DATA_IS_SMALL,), secret=("data", "stringData")),
        "core/v1:ConfigMap": kind(checks=(DATA_IS_SMALL,)),
        "core/v1:ConfigMapPatch": kind(singleton=True),
        "core/v1:ServiceAccount": kind(),
        "core/v1:ServiceAccountPatch": kind(singleton=True),
        "batch/v1:Job": kind(
            *(f"spec.{p}" for p in ("completions", "parallelism", "selector", "template")),
            checks=(pods_can_start,), outputs=job, unready=job_unready, waits=job_waits, seconds=30),
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
