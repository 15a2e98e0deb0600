"""A name on the internet for a Service: its certificate, its route, and who may use it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pulumi import Input, Output, Resource

from components.component import after
from components.kubernetes.context import Host
from components.kubernetes.custom_resource import custom_resource

CERT_MANAGER = "cert-manager.io/v1"
TRAEFIK = "traefik.io/v1alpha1"
YEAR = 365 * 24 * 3600


class Tls(NamedTuple):
    """For a Service that itself speaks TLS: how the ingress knows that it is the right one."""

    secret: Input[str]
    """A Secret beside the Service, with the CA's certificate as `ca.crt`."""
    server_name: Input[str]
    """A name in the Service's certificate."""


def publish(  # noqa: PLR0913 (named, and each an input)
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
    """Make `service`, in `namespace`, reachable as `host`; its URL, known once the certificate is there.

    The Service need not exist yet. `public_paths` are whole paths for everybody of a host that is not.
    Everything is in the Service's namespace: what an ingress may take from others was a hole repeatedly.
    """
    called = f"{name}-public"
    # An order takes minutes: DNS has to tell everybody, and Let's Encrypt has its own queue.
    certificate = custom_resource(
        called,
        "Certificate",
        api_version=CERT_MANAGER,
        namespace=namespace,
        spec={
            "secretName": f"{called}-tls",
            "dnsNames": [host.name],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": host.issuer},
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        },
        parent=parent,
        ready_within=20,
    )
    where = after(namespace, host.ingress)

    def object_(kind: str, suffix: str, spec: Mapping[str, Any]) -> Output[str]:
        return custom_resource(
            f"{called}{suffix}", kind, api_version=TRAEFIK, namespace=where, spec=spec, parent=parent
        )

    # Without subdomains: those of the zone need not all be ours.
    hsts = object_("Middleware", "-hsts", {"headers": {"stsSeconds": YEAR}})
    limits = []
    if host.ranges:
        limits.append(object_("Middleware", "-sources", {"ipAllowList": {"sourceRange": list(host.ranges)}}))
    backend: dict[str, Any] = {"kind": "Service", "name": service, "port": port}
    if tls:
        transport = {"serverName": tls.server_name, "rootCAs": [{"secret": tls.secret}]}
        backend |= {"scheme": "https", "serversTransport": object_("ServersTransport", "-backend", transport)}

    def route(match: str, middlewares: Sequence[Output[str]]) -> dict[str, Any]:
        return {
            "kind": "Rule",
            "match": match,
            "middlewares": [{"name": middleware} for middleware in middlewares],
            "services": [backend],
        }

    routes = [route(f"Host(`{host.name}`)", [hsts, *limits])]
    if limits:
        # The longer match goes first.
        routes += [route(f"Host(`{host.name}`) && Path(`{path}`)", [hsts]) for path in public_paths]
    ingress_ready = object_(
        "IngressRoute",
        "",
        {"entryPoints": ["websecure"], "routes": routes, "tls": {"secretName": f"{called}-tls"}},
    )
    return Output.all(certificate, ingress_ready).apply(lambda _: host.url)
