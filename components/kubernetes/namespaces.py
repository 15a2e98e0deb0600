"""The cluster's namespaces: how much a pod may do in each, and whom it may talk to."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Output, ResourceOptions

from components.kubernetes.custom_resource import custom
from components.kubernetes.network_policies import Outside, node_policies, policies

Level = Literal["privileged", "baseline", "restricted"]
"""Pod security levels (kubernetes.io/docs/concepts/security/pod-security-standards)."""


class Row(NamedTuple):
    """What is decided about a namespace."""

    level: Level
    holds_data: bool = False
    """Whether something in it could not be made again."""


NAMESPACES: Mapping[str, Row] = {
    "concourse": Row("baseline", holds_data=True),
    "concourse-workers": Row("privileged"),  # builds run in containers of their own
    "ingress": Row("restricted"),
    "chartmuseum": Row("restricted"),
    "logging": Row("restricted", holds_data=True),
    "cert-manager": Row("restricted"),
    "consul": Row("restricted", holds_data=True),
    "vault": Row("restricted", holds_data=True),
    "backup": Row("restricted"),
    "monitoring": Row("restricted", holds_data=True),
    "node-agents": Row("privileged"),  # they read the nodes' own files
}


class Namespaces(ComponentResource):
    """Every namespace, closed but for the flows that the table allows."""

    names: Mapping[str, Output[str]]
    """By name; known once the namespace exists with its policies."""

    def __init__(
        self,
        name: str,
        *,
        protected: bool,
        outside: Mapping[Outside, Iterable[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`outside` has the ranges of what is neither in the cluster nor the internet."""
        super().__init__("platform:index:Namespaces", name, None, opts)
        self.names = {
            called: self._namespace(called, row, protected=protected, outside=outside)
            for called, row in NAMESPACES.items()
        }
        self.register_outputs({"names": dict(self.names)})

    def __getitem__(self, name: str) -> Output[str]:
        return self.names[name]

    def _namespace(
        self, name: str, row: Row, *, protected: bool, outside: Mapping[Outside, Iterable[str]]
    ) -> Output[str]:
        levels = {f"pod-security.kubernetes.io/{mode}": row.level for mode in ("enforce", "warn", "audit")}
        namespace = k8s.core.v1.Namespace(
            name,
            metadata={"name": name, "labels": levels},
            opts=ResourceOptions(parent=self, protect=protected and row.holds_data),
        )
        place = namespace.metadata.name
        child = ResourceOptions(parent=self)
        # Kubernetes makes this account; nobody who needs none is to get its token.
        account = k8s.core.v1.ServiceAccountPatch(
            f"{name}-default",
            metadata={
                "name": "default",
                "namespace": place,
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            automount_service_account_token=False,
            opts=child,
        )
        closed = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{called}",
                metadata={"name": called, "namespace": place},
                spec=spec,
                opts=child,
            )
            for called, spec in policies(name, outside).items()
        ]
        to_nodes = [
            custom(
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
        return Output.all(place, *done).apply(lambda names: str(names[0]))
