"""Names of the public hosts inside the cluster."""

import re
from collections.abc import Iterable

import pulumi_kubernetes as k8s
from pulumi import Output, Resource, ResourceOptions

from components.component import after

SERVICE = "traefik.ingress.svc.cluster.local"
SECONDS = 30
"""Time to live, the one of AKS for names of Services."""


def resolve_inside(hosts: Iterable[str], *, ingress: Output[str], parent: Resource) -> Output[str]:
    """Resolve `hosts` to Traefik's Service for pods, and return the name of the ConfigMap.

    From inside, the load balancer's address leads to a Traefik on the pod's own node, and there may be none
    (cilium#45252). AKS mounts this ConfigMap in CoreDNS, and creates it empty: hence a patch
    (learn.microsoft.com/azure/aks/coredns-custom). `ingress` is known once Traefik exists.
    """
    patch = k8s.core.v1.ConfigMapPatch(
        "coredns-custom",
        metadata={
            "name": "coredns-custom",
            "namespace": after("kube-system", ingress),
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        data={"hosts.override": override(hosts)},
        opts=ResourceOptions(parent=parent),
    )
    name: Output[str] = patch.metadata.name
    return name


def override(hosts: Iterable[str]) -> str:
    """Part of CoreDNS' default server: addresses of exactly these names. Their other records stay public.

    A rewrite would answer for all types. One host may be the zone's own name, whose NS and SOA records
    cert-manager looks up to validate certificates.
    """
    names = "|".join(sorted(map(re.escape, hosts)))
    return "".join(
        f"""template IN {type_} {{
    match "^({names})[.]$"
    answer "{{{{ .Name }}}} {SECONDS} IN CNAME {SERVICE}."
    fallthrough
}}
"""
        for type_ in ("A", "AAAA")
    )
