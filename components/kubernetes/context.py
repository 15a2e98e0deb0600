"""Inputs shared by all components in the cluster."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pulumi import Output

from components.kubernetes.charts import Chart


@dataclass(frozen=True)
class CaTrust:
    """The internal CA: its issuer for servers, its certificate for clients."""

    issuer: Output[str]
    """Name of the ClusterIssuer; known once it is ready."""
    ca_pem: Output[str]
    """Certificate of the CA. Not secret."""


class Disks(NamedTuple):
    """Names of the storage classes."""

    retain: Output[str]
    """For data: the disk outlives its claim."""
    scratch: Output[str]
    """For data that can be re-created: the disk is deleted with its claim."""


class Host(NamedTuple):
    """A public host, with what its route needs."""

    name: str
    """Fully qualified, such as `vault.ci.example.org`."""
    ranges: Sequence[str]
    """CIDRs of allowed clients; empty for everybody."""
    issuer: Output[str]
    """Name of the ClusterIssuer; known once it is ready."""
    ingress: Output[str]
    """Name of the ingress class; known once Traefik's CRDs and the hosts' DNS records exist."""

    @property
    def url(self) -> str:
        """`https://` and the name."""
        return f"https://{self.name}"


@dataclass(frozen=True)
class ClusterContext:
    """Inputs that the components in the cluster share."""

    charts: Mapping[str, Chart]
    """Charts by name, at the stack's versions."""
    namespaces: Mapping[str, Output[str]]
    """By name; known once the namespace has its network policies. Those of parts left out are missing."""
    disks: Disks
    trust: CaTrust
    """The internal CA."""
    service_monitors: Output[bool]
    """True; resolves once the ServiceMonitor and PodMonitor CRDs exist."""
    hosts: Mapping[str, Host]
    """Public hosts, by purpose. Those of parts left out are missing."""
    protected: bool
    """Whether resources that hold data are protected from deletion and replacement."""
    left_out: Collection[str] = ()
    """Parts that the stack does not have, by their names in `parts.PARTS`."""
