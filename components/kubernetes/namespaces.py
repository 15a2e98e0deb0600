"""The cluster's namespaces, each with its pod security level and its network policies."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import Output, Resource, ResourceOptions

from components.component import Component, after
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.network_policies import (
    External,
    Flow,
    Outside,
    flow_policies,
    node_policies,
    policies,
)
from components.kubernetes.parts import flows as flows_without
from components.kubernetes.parts import has_namespace
from components.kubernetes.priority import priority_class

Level = Literal["privileged", "baseline", "restricted"]
"""Pod security levels (kubernetes.io/docs/concepts/security/pod-security-standards)."""


class NamespacePolicy(NamedTuple):
    """Pod security level of a namespace, and whether it holds data."""

    level: Level
    holds_data: bool = False
    """Whether its deletion would lose data. Such a namespace is protected."""


NAMESPACES: Mapping[str, NamespacePolicy] = {
    "concourse": NamespacePolicy("baseline", holds_data=True),
    "concourse-workers": NamespacePolicy("privileged"),  # builds are containers within the worker's
    "ingress": NamespacePolicy("restricted"),
    "chartmuseum": NamespacePolicy("restricted"),
    "logging": NamespacePolicy("restricted", holds_data=True),
    "cert-manager": NamespacePolicy("restricted"),
    "consul": NamespacePolicy("restricted", holds_data=True),
    "vault": NamespacePolicy("restricted", holds_data=True),
    "backup": NamespacePolicy("restricted"),
    "monitoring": NamespacePolicy("restricted", holds_data=True),
    "node-agents": NamespacePolicy("privileged"),  # they mount folders of the node
}
TEAM = NamespacePolicy("restricted", holds_data=True)
"""Of a namespace that has a team's secrets and no pods."""


class Namespaces(Component):
    """The stack's namespaces, with network policies that allow the flows of the table only."""

    names: Mapping[str, Output[str]]
    """By name; each is known once the namespace, its network policies and the priority class exist."""

    def __init__(
        self,
        name: str,
        *,
        protected: bool,
        outside: Mapping[External, Outside],
        left_out: Collection[str] = (),
        teams: Iterable[str] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        """`outside` has the CIDRs of peers outside both the cluster and the internet.

        `left_out` are parts that the stack does not have, `teams` namespaces with the secrets of one team.
        """
        super().__init__(name, opts)
        self._flows = flows_without(left_out)
        rows = {space: row for space, row in NAMESPACES.items() if has_namespace(space, left_out)}
        rows |= dict.fromkeys(teams, TEAM)
        priority = priority_class(self.child)
        self.names = {
            namespace: after(self._namespace(namespace, row, protected=protected, outside=outside), priority)
            for namespace, row in rows.items()
        }
        self.register_outputs({"names": dict(self.names)})

    def __getitem__(self, name: str) -> Output[str]:
        return self.names[name]

    def _namespace(
        self, name: str, row: NamespacePolicy, *, protected: bool, outside: Mapping[External, Outside]
    ) -> Output[str]:
        levels = {f"pod-security.kubernetes.io/{mode}": row.level for mode in ("enforce", "warn", "audit")}
        namespace = k8s.core.v1.Namespace(
            name,
            metadata={"name": name, "labels": levels},
            opts=ResourceOptions(parent=self, protect=protected and row.holds_data),
        )
        namespace_name = namespace.metadata.name
        # Kubernetes creates this account. Pods that name no account must not get its token.
        account = k8s.core.v1.ServiceAccountPatch(
            f"{name}-default",
            metadata={
                "name": "default",
                "namespace": namespace_name,
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            automount_service_account_token=False,
            opts=self.child,
        )
        network_policies = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{policy}",
                metadata={"name": policy, "namespace": namespace_name},
                spec=spec,
                opts=self.child,
            )
            for policy, spec in policies(name, outside, self._flows).items()
        ]
        to_nodes = [
            custom_resource(
                f"{name}-{policy}",
                "CiliumNetworkPolicy",
                api_version="cilium.io/v2",
                resource_name=policy,
                namespace=namespace_name,
                spec=spec,
                parent=self,
            )
            for policy, spec in node_policies(name, self._flows).items()
        ]
        names = [policy.metadata.name for policy in network_policies]
        return after(namespace_name, account.metadata.name, *names, *to_nodes)


def allow(
    name: str, flows: Sequence[Flow], namespaces: Mapping[str, Output[str]], *, parent: Resource
) -> list[Output[str]]:
    """Create the network policies for the flows of one release, at both ends, and return their names.

    Flows to the database and to the nodes are only possible in `network_policies.FLOWS`.
    """
    return [
        k8s.networking.v1.NetworkPolicy(
            f"{name}-in-{namespace}-{policy}",
            metadata={"name": f"{name}-{policy}", "namespace": namespace_name},
            spec=spec,
            opts=ResourceOptions(parent=parent),
        ).metadata.name
        for namespace, namespace_name in namespaces.items()
        for policy, spec in flow_policies(namespace, flows, {}).items()
    ]
