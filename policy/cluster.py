"""What shares the cluster: namespaces, pods, rights, and ways in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from policy.rule import AnyRule, Place, Resource, chart_of, rule, stack_rule, value_at, walk, whole

NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
RELEASE = "kubernetes:helm.sh/v3:Release"
LEVEL = "pod-security.kubernetes.io/enforce"
LEVELS = ("baseline", "restricted")
PRIVILEGED = {
    "concourse-workers": "builds are containers within the worker's",
    "node-agents": "its pods read folders of the node",
}
"""Namespaces whose pods need the level privileged, and why."""
WITHOUT_PODS = ("prometheus-operator-crds",)
"""Charts that only have CRDs."""
INGRESS = "traefik"
"""The only release with a public load balancer."""
OPENED = ("LoadBalancer", "NodePort")


@rule(
    "namespace-level",
    whole(NAMESPACE),
    demands="Each namespace enforces the pod security level baseline or restricted.",
    why="A pod of another level can leave its container and read the node's secrets.",
    comply="Add the namespace to components/kubernetes/namespaces.py; privileged ones are listed in "
    "policy/cluster.py with a reason.",
)
def namespace_level(place: Place) -> str | None:
    labels = (place.value.get("metadata") or {}).get("labels") or {}
    level = labels.get(LEVEL)
    if level in LEVELS or (level == "privileged" and place.resource.name in PRIVILEGED):
        return None
    return f"the label {LEVEL} is {level or 'missing'}"


@stack_rule(
    "default-deny",
    demands="Each namespace has a network policy that denies everything by default, in both directions.",
    why="Without one, every pod of the cluster reaches the namespace's pods, and these reach the internet.",
    comply="Create the namespace with components/kubernetes/namespaces.py, which adds the policy.",
)
def default_deny(resources: Sequence[Resource]) -> Iterable[tuple[Resource, str]]:
    denied = {_namespace(policy) for policy in resources if policy.type == NETWORK_POLICY and _denies(policy)}
    for each in resources:
        if each.type == NAMESPACE and each.name not in denied:
            yield each, "no policy selects all of its pods, for Ingress and Egress, without a rule"


def _namespace(policy: Resource) -> str:
    """The namespace of a policy. In a first preview it may be unknown: then by the policy's own name."""
    try:
        return str(value_at(policy.inputs, "metadata.namespace"))
    except UnknownValueError:
        return policy.name.removesuffix("-deny-all")


def _denies(policy: Resource) -> bool:
    try:
        spec = value_at(policy.inputs, "spec") or {}
        both = {*(spec.get("policyTypes") or ())} == {"Ingress", "Egress"}
        return both and not (spec.get("podSelector") or spec.get("ingress") or spec.get("egress"))
    except UnknownValueError:
        return False


def _resources(resource: Resource) -> Iterator[Place]:
    """`resources` of containers; not those of claims, which only request storage."""
    for path, value in walk(resource.inputs):
        if path.rpartition(".")[2] != "resources" or not isinstance(value, Mapping):
            continue
        if "storage" not in (value.get("requests") or {}):
            yield Place(resource, path, partial(dict, value.items()))


def _sized(resource: Resource) -> Iterator[Place]:
    if resource.type == RELEASE and chart_of(resource) not in WITHOUT_PODS:
        found = list(_resources(resource))
        yield from found or [Place(resource, "values", dict)]
    elif resource.type.startswith(("kubernetes:batch/", "kubernetes:apps/", "kubernetes:core/v1:Pod")):
        for path, value in walk(resource.inputs):
            if path.rpartition(".")[2] in {"containers", "initContainers"} and isinstance(value, Sequence):
                for index in range(len(value)):
                    read = partial(_of_container, value, index)
                    yield Place(resource, f"{path}[{index}].resources", read)


def _of_container(containers: Sequence[Any], index: int) -> Any:
    return containers[index].get("resources") or {}


@rule(
    "requests-and-limit",
    _sized,
    demands="Each container requests CPU and memory, and has a memory limit.",
    why="On a node that is shared, one without them is placed where there is no room, and takes its "
    "neighbours down.",
    comply="Set `resources.requests.cpu`, `resources.requests.memory` and `resources.limits.memory`.",
)
def requests_and_limit(place: Place) -> str | None:
    wanted = ("requests.cpu", "requests.memory", "limits.memory")
    missing = [path for path in wanted if not value_at(place.value, path)]
    return f"{place.path} lacks {', '.join(missing)}" if missing else None


def _rights(resource: Resource) -> Iterator[Place]:
    if resource.type.startswith("kubernetes:rbac.") and resource.type.endswith("Role"):
        yield Place(resource, "rules", lambda: resource.inputs.get("rules") or ())


@rule(
    "no-wildcard-rights",
    _rights,
    demands="No role of the program allows all verbs, all resources or all API groups.",
    why="Such a role includes all Secrets of its namespace or of the cluster.",
    comply="List what the account needs.",
)
def no_wildcard_rights(place: Place) -> str | None:
    for index, one in enumerate(place.value):
        for key in ("verbs", "resources", "apiGroups"):
            if "*" in [*(one.get(key) or ())]:
                return f"rules[{index}].{key} has *"
    return None


def _service_types(resource: Resource) -> Iterator[Place]:
    if not resource.type.startswith("kubernetes:") or resource.name == INGRESS:
        return
    for path, value in walk(resource.inputs):
        if path.rpartition(".")[2] in {"type", "serviceType"} and isinstance(value, str):
            yield Place(resource, path, partial(str, value))


@rule(
    "one-way-in",
    _service_types,
    demands="Only Traefik has a load balancer; no Service has ports on the nodes.",
    why="Other Services would be on the internet without source ranges, TLS and logs of Traefik.",
    comply="Use ClusterIP and an IngressRoute (components/ingress/route.py).",
)
def one_way_in(place: Place) -> str | None:
    return f"{place.path} is {place.value}" if place.value in OPENED else None


RULES: list[AnyRule] = [namespace_level, default_deny, requests_and_limit, no_wildcard_rights, one_way_in]
