"""Service accounts and their permissions in the Kubernetes API."""

from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.component import after

Rules = Input[Sequence[Mapping[str, object]]]
"""Rules of a Role, as the Kubernetes API defines them."""


def service_account(
    name: str, *, namespace: Input[str], parent: Resource, client_id: Input[str] | None = None
) -> Output[str]:
    """Name of a service account; known once it exists. A pod gets its token only if the pod asks for it.

    `client_id` is the managed identity that its pods use through Azure workload identity.
    """
    identity = {} if client_id is None else {"annotations": {"azure.workload.identity/client-id": client_id}}
    made = k8s.core.v1.ServiceAccount(
        name,
        metadata={"name": name, "namespace": namespace, **identity},
        automount_service_account_token=False,
        opts=ResourceOptions(parent=parent),
    )
    account: Output[str] = made.metadata.name
    return account


def allow(
    name: str, account: Input[str], rules: Rules, *, namespace: Input[str], parent: Resource
) -> Output[str]:
    """`account`, known once the Role `name` with these rules is bound to it. Both are in `namespace`."""
    child = ResourceOptions(parent=parent)
    metadata = {"name": name, "namespace": namespace}
    role = k8s.rbac.v1.Role(name, metadata=metadata, rules=rules, opts=child)
    binding = k8s.rbac.v1.RoleBinding(
        name,
        metadata=metadata,
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata.name},
        subjects=[{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        opts=child,
    )
    return after(account, binding.metadata.name)
