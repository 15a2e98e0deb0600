"""The values of Traefik's chart."""

from collections.abc import Sequence
from typing import Any

from pulumi import Input

from components.ingress.settings import IngressSettings
from components.kubernetes.charts import TRAEFIK_IMAGE
from components.kubernetes.pod_values import budget, resources, spread
from components.kubernetes.priority import FOUNDATION

CLASS = "traefik"
AZURE = "service.beta.kubernetes.io/azure-"
"""Prefix of the load balancer's annotations (cloud-provider-azure, topics/loadbalancer)."""
GRACE = 300
"""Seconds in which a terminating pod finishes its requests, such as the upload of a build."""
DRAIN = 15
"""Seconds until Azure's load balancer sends a terminating pod no more requests (two probes, 5 s apart)."""


def values(
    settings: IngressSettings,
    *,
    address: Input[str] | None,
    group: Input[str] | None,
    namespaces: Sequence[Input[str]],
    service_monitors: Input[bool],
    http01: bool,
) -> dict[str, Any]:
    """Differences from the chart's defaults.

    `address` and `group` are the name and resource group of the public IP, None if the settings have an
    internal address; `namespaces` are those with routes. `http01` is whether Traefik serves Ingress objects,
    which cert-manager creates for http01.
    """
    # No references across namespaces or providers: earlier versions had vulnerabilities there.
    watched = {"namespaces": namespaces, "crossProviderNamespaces": ["ingress"]}
    least = settings.min_available
    return {
        "image": {"repository": TRAEFIK_IMAGE.repository, "tag": TRAEFIK_IMAGE.tag},
        "deployment": {
            "replicas": settings.replicas,
            "terminationGracePeriodSeconds": GRACE + DRAIN + 15,
        },
        "priorityClassName": FOUNDATION,
        "podDisruptionBudget": budget(settings.replicas) | ({} if least is None else {"minAvailable": least}),
        "topologySpreadConstraints": spread("traefik"),
        "resources": resources("256Mi", cpu="200m"),
        # Traefik may read Secrets of namespaces with a host only.
        "rbac": {"namespaced": True},
        "ingressClass": {"enabled": False},  # cluster-scoped, so outside its rights
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
                    # No limit (default: 60 s): fly uploads large inputs and follows logs for hours.
                    "respondingTimeouts": {"readTimeout": "0s", "writeTimeout": "0s", "idleTimeout": "180s"},
                    "lifeCycle": {
                        "requestAcceptGraceTimeout": f"{DRAIN}s",
                        "graceTimeOut": f"{GRACE}s",
                    },
                },
            },
        },
        "service": {
            "annotations": {
                **_balancer(settings, address, group),
                "service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout": "30",  # as the public IP
            },
            "spec": {
                "externalTrafficPolicy": "Local"
            },  # or Traefik sees a node's address instead of the client's
        },
        "api": {"dashboard": False},
        "global": {"checkNewVersion": False},
        "log": {"format": "json"},
        # Query parameters contain secrets: codes of logins, tokens of webhooks.
        "accessLog": {
            "enabled": True,
            "format": "json",
            "fields": {"queryParameters": {"defaultMode": "drop"}},
        },
        "metrics": {
            "prometheus": {
                "service": {"enabled": True},
                "disableAPICheck": True,  # Helm does not see CRDs installed in the same update
                # Prometheus would overwrite Traefik's label `service` with its own.
                "serviceMonitor": {"enabled": service_monitors, "honorLabels": True},
            }
        },
    }


def _balancer(
    settings: IngressSettings, address: Input[str] | None, group: Input[str] | None
) -> dict[str, Input[str]]:
    if address is None or group is None:
        inside = str(settings.internal_address)
        return {f"{AZURE}load-balancer-internal": "true", f"{AZURE}load-balancer-ipv4": inside}
    return {f"{AZURE}pip-name": address, f"{AZURE}load-balancer-resource-group": group}
