"""What every component in the cluster receives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pulumi import Output

from components.kubernetes.charts import Chart
from components.kubernetes.namespaces import Namespaces
from components.kubernetes.storage_classes import StorageClasses


@dataclass(frozen=True)
class CaTrust:
    """Whom a client inside the cluster trusts, and whom a server has its certificate from."""

    issuer: Output[str]
    """Name of the ClusterIssuer; known once it signs."""
    ca_pem: Output[str]
    """The CA's certificate. No secret."""


class Host(NamedTuple):
    """A host of the stack, and what has to be there before it can be published."""

    name: str
    """Whole, such as `vault.ci.example.org`."""
    ranges: Sequence[str]
    """Who may use it, by public address; nobody named is everybody."""
    issuer: Output[str]
    """Of its certificate: name of a ClusterIssuer; known once it works."""
    ingress: Output[str]
    """The ingress's release; known once its kinds exist."""

    @property
    def url(self) -> str:
        """As people write it."""
        return f"https://{self.name}"


@dataclass(frozen=True)
class ClusterContext:
    """What components in the cluster share. Inputs of a single component are its own keywords."""

    charts: Mapping[str, Chart]
    """Chart of each release, at the stack's version."""
    namespaces: Namespaces
    disks: StorageClasses
    trust: CaTrust
    """The internal CA."""
    service_monitors: Output[bool]
    """True; resolves once the ServiceMonitor and PodMonitor CRDs exist."""
    hosts: Mapping[str, Host]
    """Public hosts, by purpose."""
    protected: bool
    """Whether resources that hold data are protected from deletion and replacement."""
