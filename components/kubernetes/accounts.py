"""Service accounts and their permissions in the Kubernetes API."""

from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.component import after

Rules = Input[Sequence[Mapping[str, object]]]
"""Rules of a Role, as the Kubernetes API defines them."""


def service_account(
    name: str,
    *,
    namespace: Input[str],
    parent: Resource,
    client_id: Input[str] | None = None,
    token: bool = False,
) -> Output[str]:
    """Name of a service account; known once it exists. A pod gets its token only if the pod asks for it.

    `client_id` is the managed identity that its pods use through Azure workload identity. With `token` all
    its pods get its token, for charts that cannot ask for it.
    """
    identity = {} if client_id is None else {"annotations": {"azure.workload.identity/client-id": client_id}}
    made = k8s.core.v1.ServiceAccount(
        name,
        metadata={"name": name, "namespace": namespace, **identity},
        automount_service_account_token=token,
        opts=ResourceOptions(parent=parent),
    )
    account: Output[str] = made.metadata.name
    return account


def allow(
    name: str,
    account: Input[str],
    rules: Rules,
    *,
    namespace: Input[str],
    parent: Resource,
    account_namespace: Input[str] | None = None,
) -> Output[str]:
    """`account`, known once the Role `name` with these rules in `namespace` is bound to it.

    The account is in the same namespace, unless `account_namespace` is another.
    """
    home = namespace if account_namespace is None else account_namespace
    child = ResourceOptions(parent=parent)
    metadata = {"name": name, "namespace": namespace}
    role = k8s.rbac.v1.Role(name, metadata=metadata, rules=rules, opts=child)
    binding = k8s.rbac.v1.RoleBinding(
        name,
        metadata=metadata,
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata.name},
        subjects=[{"kind": "ServiceAccount", "name": account, "namespace": home}],
        opts=child,
    )
    return after(account, binding.metadata.name)


def allow_in_cluster(
    name: str, account: Input[str], rules: Rules, *, namespace: Input[str], parent: Resource
) -> Output[str]:
    """Like `allow`, for objects outside namespaces: by a ClusterRole."""
    child = ResourceOptions(parent=parent)
    role = k8s.rbac.v1.ClusterRole(name, metadata={"name": name}, rules=rules, opts=child)
    binding = k8s.rbac.v1.ClusterRoleBinding(
        name,
        metadata={"name": name},
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role.metadata.name},
        subjects=[{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        opts=child,
    )
    return after(account, binding.metadata.name)
