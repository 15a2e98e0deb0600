"""Publishes a Service at a public host: certificate, route and source ranges."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pulumi import Input, Output, Resource

from components.component import after
from components.kubernetes.context import Host
from components.kubernetes.custom_resource import custom_resource

TRAEFIK_API_VERSION = "traefik.io/v1alpha1"
HSTS_SECONDS = 365 * 24 * 3600


class Tls(NamedTuple):
    """How the ingress verifies a Service that serves TLS."""

    secret: Input[str]
    """A Secret in the Service's namespace, with the CA's certificate as `ca.crt`."""
    server_name: Input[str]
    """A DNS name in the Service's certificate."""


def publish(
    name: str,
    host: Host,
    *,
    namespace: Input[str],
    service: Input[str],
    port: int,
    parent: Resource,
    tls: Tls | None = None,
    public_paths: Sequence[str] = (),
) -> Output[str]:
    """Publish `service` at `host`. The URL, known once the certificate and the route exist.

    The Service need not exist yet. `public_paths` are exact paths that stay open to everybody when the host
    has source ranges. All objects are in the Service's namespace: references across namespaces have led to
    vulnerabilities repeatedly.
    """
    public = f"{name}-public"
    # Issuance takes minutes: DNS has to propagate, and Let's Encrypt has a queue.
    certificate = custom_resource(
        public,
        "Certificate",
        api_version="cert-manager.io/v1",
        namespace=namespace,
        spec={
            "secretName": f"{public}-tls",
            "dnsNames": [host.name],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": host.issuer},
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        },
        parent=parent,
        ready_within=20,
    )
    crds_ready = after(namespace, host.ingress)

    def traefik_object(kind: str, suffix: str, spec: Mapping[str, Any]) -> Output[str]:
        return custom_resource(
            f"{public}{suffix}",
            kind,
            api_version=TRAEFIK_API_VERSION,
            namespace=crds_ready,
            spec=spec,
            parent=parent,
        )

    # Without subdomains: others may use some of the zone.
    hsts = traefik_object("Middleware", "-hsts", {"headers": {"stsSeconds": HSTS_SECONDS}})
    limits = []
    if host.ranges:
        limits.append(
            traefik_object("Middleware", "-sources", {"ipAllowList": {"sourceRange": list(host.ranges)}})
        )
    backend: dict[str, Any] = {"kind": "Service", "name": service, "port": port}
    if tls:
        transport = {"serverName": tls.server_name, "rootCAs": [{"secret": tls.secret}]}
        backend |= {
            "scheme": "https",
            "serversTransport": traefik_object("ServersTransport", "-backend", transport),
        }

    def route(match: str, middlewares: Sequence[Output[str]]) -> dict[str, Any]:
        return {
            "kind": "Rule",
            "match": match,
            "middlewares": [{"name": middleware} for middleware in middlewares],
            "services": [backend],
        }

    routes = [route(f"Host(`{host.name}`)", [hsts, *limits])]
    if limits:
        # Traefik tries the longer rule first.
        routes += [route(f"Host(`{host.name}`) && Path(`{path}`)", [hsts]) for path in public_paths]
    ingress_route = traefik_object(
        "IngressRoute",
        "",
        {"entryPoints": ["websecure"], "routes": routes, "tls": {"secretName": f"{public}-tls"}},
    )
    return after(host.url, certificate, ingress_route)
