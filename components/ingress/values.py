"""The values of Traefik's chart."""

from collections.abc import Sequence
from typing import Any

from pulumi import Input

from components.ingress.settings import IngressSettings
from components.kubernetes.charts import TRAEFIK
from components.kubernetes.pod_values import budget, resources, spread

CLASS = "traefik"
GRACE = 300
"""Seconds for which a pod that has to go carries on with what it began, such as the upload of a build."""
NOTICED = 15
"""Seconds in which Azure's load balancer notices that a pod takes no more (two probes, 5 s apart)."""


def values(  # noqa: PLR0913 (named, and each an input)
    settings: IngressSettings,
    *,
    address: Input[str],
    group: Input[str],
    namespaces: Sequence[Input[str]],
    monitors: Input[bool],
    http01: bool,
) -> dict[str, Any]:
    """What differs from the chart's defaults. `http01` is whether Ingress objects count, as http01's do."""
    # References across namespaces or providers, which other releases were tricked by, are nobody's.
    watched = {"namespaces": namespaces, "crossProviderNamespaces": ["ingress"]}
    least = settings.min_available
    return {
        "image": {"repository": TRAEFIK.repository, "tag": TRAEFIK.tag},
        "deployment": {
            "replicas": settings.replicas,
            "terminationGracePeriodSeconds": GRACE + NOTICED + 15,
        },
        "podDisruptionBudget": budget(settings.replicas) | ({} if least is None else {"minAvailable": least}),
        "topologySpreadConstraints": spread("traefik"),
        "resources": resources("256Mi", cpu="200m"),
        # Not every Secret of the cluster, but those of namespaces with a host.
        "rbac": {"namespaced": True},
        "ingressClass": {"enabled": False},  # is for the whole cluster, which it may not read
        "providers": {
            "kubernetesCRD": {**watched, "defaultTLSResourcesNamespace": "ingress"},
            "kubernetesIngress": {**watched, "enabled": http01, "ingressClass": CLASS},
        },
        "ports": {
            "web": {
                "http": {
                    "redirections": {"entryPoint": {"to": "websecure", "scheme": "https", "permanent": True}}
                },
            },
            "websecure": {
                "transport": {
                    # Without end, as are fly's uploads and the logs that it follows (60 s by default).
                    "respondingTimeouts": {"readTimeout": "0s", "writeTimeout": "0s", "idleTimeout": "180s"},
                    "lifeCycle": {
                        "requestAcceptGraceTimeout": f"{NOTICED}s",
                        "graceTimeOut": f"{GRACE}s",
                    },
                },
            },
        },
        "service": {
            "annotations": {
                "service.beta.kubernetes.io/azure-pip-name": address,
                "service.beta.kubernetes.io/azure-load-balancer-resource-group": group,
                "service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout": "30",  # as the address'
            },
            "spec": {"externalTrafficPolicy": "Local"},  # or else everybody has a node's address
        },
        "api": {"dashboard": False},
        "global": {"checkNewVersion": False},
        "log": {"format": "json"},
        # Queries hold what opens something: codes of logins, tokens of webhooks.
        "accessLog": {
            "enabled": True,
            "format": "json",
            "fields": {"queryParameters": {"defaultMode": "drop"}},
        },
        "metrics": {
            "prometheus": {
                "service": {"enabled": True},
                "disableAPICheck": True,  # as Helm does not see a kind that is made in the same breath
                "serviceMonitor": {"enabled": monitors},
            }
        },
    }
