"""Keys of Kubernetes objects in the store, and whether an object exists."""

from typing import Any

from rehearsal.resource_types import Request

CLUSTER_WIDE = {
    "Namespace", "StorageClass", "PriorityClass", "ClusterRole", "ClusterRoleBinding", "ClusterIssuer",
}  # fmt: skip
PRESENT = {
    "Namespace": ("default", "kube-system", "kube-public", "kube-node-lease"),
    "ServiceAccount": ("default",),
    "StorageClass": ("default", "managed-csi", "managed-csi-premium", "azurefile-csi"),
    "PriorityClass": ("system-cluster-critical", "system-node-critical"),
    "ClusterRole": ("cluster-admin", "admin", "edit", "view", "system:auth-delegator"),
}  # fmt: skip
"""The objects of a new AKS cluster."""


def kind_name(type_: str) -> str:
    return type_.rpartition(":")[2].removesuffix("Patch")


def object_key(root: str, type_: str, id_: str) -> str:
    """The key of an object. Objects of a namespace are its children, deleted with it."""
    kind, (*namespace, name) = kind_name(type_), id_.split("/")
    if kind == "Namespace":
        return f"{root}/namespaces/{name}"
    return f"{root}/namespaces/{namespace[0]}/{kind}/{name}" if namespace else f"{root}/{kind}/{name}"


def cluster_and_namespace(id_: str) -> tuple[str, str]:
    """From the key of an object: the key of its cluster, and its namespace ("" for none)."""
    root, _, rest = id_.partition("/namespaces/")
    if not rest:
        root = id_.rsplit("/", 2)[0]
    return root, rest.split("/")[0] if "/" in rest else ""


def get(request: Request, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
    """An object of the same cluster, by default in the same namespace."""
    root, own = cluster_and_namespace(request.id)
    id_ = name if kind in CLUSTER_WIDE else f"{namespace or own}/{name}"
    return request.store.get(object_key(root, f":{kind}", id_))


def exists(request: Request, kind: str, name: str, namespace: str = "") -> bool:
    """Whether an object exists: of the program or of AKS. Nothing refers to those that charts create."""
    return name in PRESENT.get(kind, ()) or bool(get(request, kind, name, namespace))


def refuse_missing(request: Request, code: str, kind: str, name: str, reason: str = "not found") -> None:
    namespace = cluster_and_namespace(request.id)[1]
    request.refuse(code, f'{kind.lower()} "{name}" {reason}, for {request.name} in {namespace!r}')
