"""Traefik, host names and routes."""

from components.ingress.cluster_dns import resolve_inside
from components.ingress.route import Tls, publish
from components.ingress.settings import HostsSettings, IngressSettings, SourceRanges
from components.ingress.traefik import Traefik

__all__ = ["HostsSettings", "IngressSettings", "SourceRanges", "Tls", "Traefik", "publish", "resolve_inside"]
