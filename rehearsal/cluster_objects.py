"""Keys of Kubernetes objects in the store, and whether an object exists."""

import re
from collections.abc import Iterator
from typing import Any

from rehearsal.resource_types import Request

CLUSTER_WIDE = {
    "Namespace", "IngressClass", "StorageClass", "PriorityClass", "ClusterRole", "ClusterRoleBinding",
    "ClusterIssuer", "CustomResourceDefinition",
}  # fmt: skip
PRESENT = {
    "Namespace": ("default", "kube-system", "kube-public", "kube-node-lease"),
    "ServiceAccount": ("default",),
    "ConfigMap": ("kube-root-ca.crt",),
    "Service": ("kubernetes", "kube-dns"),
    "StorageClass": (
        "default",
        "managed-csi",
        "managed-csi-premium",
        "azurefile-csi",
        "azurefile-csi-premium",
    ),
    "PriorityClass": ("system-cluster-critical", "system-node-critical"),
}
"""The objects of a new AKS cluster."""
BY_RELEASE = ("Service", "ServiceAccount", "ConfigMap", "Deployment", "StatefulSet", "Role", "ClusterRole")
"""Kinds whose objects a chart names after its release."""
BY_CHART = (
    ("traefik", "IngressClass", r"{release}"),
    ("kube-prometheus-stack", "Service", "(prometheus|alertmanager)-operated"),
    ("eck-elasticsearch", "Secret", r".+-es-(elastic-user|http-certs-public|http-ca-internal)"),
    ("eck-kibana", "Secret", r".+-kb-(http-certs-public|config)"),
    ("consul", "Secret", r".+-(ca-cert|ca-key|bootstrap-acl-token|gossip-encryption-key)"),
)
"""Other objects of a chart that the program refers to: (chart, kind, name)."""
BY_OPERATOR = (
    ("Elasticsearch", "Service", "{name}-es-(http|transport|internal-http)"),
    ("Elasticsearch", "Secret", "{name}-es-(elastic-user|http-certs-public|http-ca-internal)"),
    ("Kibana", "Service", "{name}-kb-http"),
    ("Prometheus", "Service", "prometheus-operated"),
    ("Alertmanager", "Service", "alertmanager-operated"),
)
"""Objects that an operator creates for a custom resource: (its kind, kind, name)."""


def kind_name(type_: str) -> str:
    return type_.rpartition(":")[2].removesuffix("Patch")


def namespaced(type_: str) -> bool:
    return kind_name(type_) not in CLUSTER_WIDE


def object_key(root: str, type_: str, id_: str) -> str:
    """The key of an object. Objects of a namespace are its children, deleted with it."""
    kind, (*namespace, name) = kind_name(type_), id_.split("/")
    if kind == "Namespace":
        return f"{root}/namespaces/{name}"
    return f"{root}/namespaces/{namespace[0]}/{kind}/{name}" if namespace else f"{root}/{kind}/{name}"


def cluster_and_namespace(found: Request | dict[str, Any]) -> tuple[str, str]:
    """The key of an object's cluster, and its namespace ("" for none)."""
    id_ = found.id if isinstance(found, Request) else str(found["id"])
    root, _, rest = id_.partition("/namespaces/")
    if not rest:
        root = id_.rsplit("/", 2)[0]
    return root, rest.split("/")[0] if "/" in rest else ""


def get(request: Request, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
    """An object of the same cluster, by default in the same namespace."""
    root, mine = cluster_and_namespace(request)
    id_ = name if kind in CLUSTER_WIDE else f"{mine if namespace is None else namespace}/{name}"
    return request.store.get(object_key(root, f":{kind}", id_))


def exists(request: Request, kind: str, name: str, namespace: str | None = None) -> bool:
    """Whether an object exists: of the program, a chart, an operator or AKS."""
    if name in PRESENT.get(kind, ()) or get(request, kind, name, namespace):
        return True
    root, mine = cluster_and_namespace(request)
    within = None if kind in CLUSTER_WIDE else mine if namespace is None else namespace
    return any(name_fits(name, pattern) for pattern in created_names(request, root, within, kind))


def name_fits(name: str, pattern: str) -> bool:
    return bool(re.fullmatch(pattern, name))


def created_names(request: Request, root: str, namespace: str | None, kind: str) -> Iterator[str]:
    """Name patterns of the objects of a kind that releases and operators create."""
    for found in request.store.all():
        at, inside = cluster_and_namespace(found) if found["id"].startswith("/kubernetes/") else ("", "")
        if at != root or namespace not in (None, inside):
            continue
        own, name = kind_name(found["type"]), found["id"].rpartition("/")[2]
        if own == "Release":
            chart = found["inputs"]["chart"].rpartition("/")[2]
            called = {name, *_overrides(found["inputs"].get("values") or {})}
            if kind in BY_RELEASE:
                yield from (rf"{re.escape(one)}(-.+)?" for one in called)
            yield from (p.format(release=name) for c, k, p in BY_CHART if (c, k) == (chart, kind))
        yield from (p.format(name=re.escape(name)) for o, k, p in BY_OPERATOR if (o, k) == (own, kind))


def _overrides(values: dict[str, Any]) -> Iterator[str]:
    """Names in a chart's values that replace the release's name."""
    for key, value in values.items():
        if (
            key in ("fullnameOverride", "nameOverride", "serviceAccountName")
            and isinstance(value, str)
            and value
        ):
            yield value
        elif (
            key == "serviceAccount"
            and isinstance(value, dict)
            and value.get("create", True)
            and value.get("name")
        ):
            yield str(value["name"])
        elif isinstance(value, dict):
            yield from _overrides(value)


def refuse_missing(request: Request, code: str, kind: str, name: str, reason: str = "not found") -> None:
    user, namespace = request.id.rpartition("/")[2], cluster_and_namespace(request)[1]
    request.refuse(code, f'{kind.lower()} "{name}" {reason}, for {user} in {namespace!r}')
