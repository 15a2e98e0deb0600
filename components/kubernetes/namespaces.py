"""The cluster's namespaces: how much a pod may do in each, and whom it may talk to."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from components.component import Component, after
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.network_policies import External, node_policies, policies

Level = Literal["privileged", "baseline", "restricted"]
"""Pod security levels (kubernetes.io/docs/concepts/security/pod-security-standards)."""


class NamespacePolicy(NamedTuple):
    """What is decided about a namespace."""

    level: Level
    holds_data: bool = False
    """Whether something in it could not be made again."""


NAMESPACES: Mapping[str, NamespacePolicy] = {
    "concourse": NamespacePolicy("baseline", holds_data=True),
    "concourse-workers": NamespacePolicy("privileged"),  # builds run in containers of their own
    "ingress": NamespacePolicy("restricted"),
    "chartmuseum": NamespacePolicy("restricted"),
    "logging": NamespacePolicy("restricted", holds_data=True),
    "cert-manager": NamespacePolicy("restricted"),
    "consul": NamespacePolicy("restricted", holds_data=True),
    "vault": NamespacePolicy("restricted", holds_data=True),
    "backup": NamespacePolicy("restricted"),
    "monitoring": NamespacePolicy("restricted", holds_data=True),
    "node-agents": NamespacePolicy("privileged"),  # they read the nodes' own files
}


class Namespaces(Component):
    """Every namespace, closed but for the flows that the table allows."""

    names: Mapping[str, Output[str]]
    """By name; known once the namespace exists with its policies."""

    def __init__(
        self,
        name: str,
        *,
        protected: bool,
        outside: Mapping[External, Iterable[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`outside` has the ranges of what is neither in the cluster nor the internet."""
        super().__init__(name, opts)
        self.names = {
            called: self._namespace(called, row, protected=protected, outside=outside)
            for called, row in NAMESPACES.items()
        }
        self.register_outputs({"names": dict(self.names)})

    def __getitem__(self, name: str) -> Output[str]:
        return self.names[name]

    def _namespace(
        self, name: str, row: NamespacePolicy, *, protected: bool, outside: Mapping[External, Iterable[str]]
    ) -> Output[str]:
        levels = {f"pod-security.kubernetes.io/{mode}": row.level for mode in ("enforce", "warn", "audit")}
        namespace = k8s.core.v1.Namespace(
            name,
            metadata={"name": name, "labels": levels},
            opts=ResourceOptions(parent=self, protect=protected and row.holds_data),
        )
        place = namespace.metadata.name
        # Kubernetes makes this account; nobody who needs none is to get its token.
        account = k8s.core.v1.ServiceAccountPatch(
            f"{name}-default",
            metadata={
                "name": "default",
                "namespace": place,
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            automount_service_account_token=False,
            opts=self.child,
        )
        closed = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{called}",
                metadata={"name": called, "namespace": place},
                spec=spec,
                opts=self.child,
            )
            for called, spec in policies(name, outside).items()
        ]
        to_nodes = [
            custom_resource(
                f"{name}-{called}",
                "CiliumNetworkPolicy",
                api_version="cilium.io/v2",
                called=called,
                namespace=place,
                spec=spec,
                parent=self,
            )
            for called, spec in node_policies(name).items()
        ]
        done = [account.metadata.name, *(policy.metadata.name for policy in closed), *to_nodes]
        return after(place, *done)
