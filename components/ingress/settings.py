"""Settings of the ingress."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule, shown
from components.config.types import Address, Cidr

Ranges = tuple[Cidr, ...]


class SourceRanges(Model):
    """CIDRs of the clients of each host; `[]` allows everybody. Every host also has a login."""

    default: Ranges = ()
    """CIDRs for hosts without their own."""
    concourse: Ranges | None = None
    """CIDRs for Concourse. Its OIDC discovery and keys stay public. Defaults to `default`."""
    vault: Ranges | None = None
    """CIDRs for Vault. Defaults to those of the cluster's operators and deployers."""
    grafana: Ranges | None = None
    """CIDRs for Grafana. Defaults to `default`."""
    kibana: Ranges | None = None
    """CIDRs for Kibana, which has its own users and no second factor. Defaults to the cluster's operators."""
    charts: Ranges | None = None
    """CIDRs for ChartMuseum. Defaults to `default`."""


def _label(value: str) -> str:
    if value != "@" and not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError(f"{shown(value)} is neither a DNS label (a-z, 0-9 and -) nor @ for the zone itself")
    return value


Label = Annotated[str, AfterValidator(_label), Field(examples=["grafana"])]
"""Label of a host: in the zone ci.example.org `grafana` is grafana.ci.example.org, and `@` is the zone
itself."""


class HostsSettings(Model):
    """Labels of the public hosts in the stack's DNS zone."""

    concourse: Label = "@"
    """Host of Concourse."""
    vault: Label = "vault"
    """Host of Vault."""
    grafana: Label = "grafana"
    """Host of Grafana."""
    kibana: Label = "kibana"
    """Host of Kibana."""
    charts: Label = "charts"
    """Host of ChartMuseum."""

    def rules(self) -> Iterable[Rule]:
        return (self._differ,)

    def _differ(self) -> Iterator[Problem]:
        counted = Counter(self.labels().values())
        for name, label in self.labels().items():
            if counted[label] > 1:
                others = [other for other, same in self.labels().items() if same == label and other != name]
                yield Problem(
                    name,
                    f"{label} is also the host of {' and '.join(others)}; set a different label for each",
                )

    def labels(self, without: Collection[str] = ()) -> dict[str, str]:
        """Label of each host, by purpose, `without` some."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in without}

    def within(self, zone: str, without: Collection[str] = ()) -> dict[str, str]:
        """Fully qualified name of each host, by purpose, `without` some."""
        labels = self.labels(without)
        return {name: zone if label == "@" else f"{label}.{zone}" for name, label in labels.items()}


class IngressSettings(Model):
    """Traefik, and the public hosts."""

    replicas: int = Field(default=3, ge=1, le=20)
    """Number of Traefik's pods, spread over the zones."""
    min_available: int | None = Field(default=None, ge=0, examples=[2])
    """Pods that stay available while nodes are drained. Defaults to one less than `replicas`."""
    hosts: HostsSettings = HostsSettings()
    """Labels of the public hosts in the DNS zone."""
    source_ranges: SourceRanges = SourceRanges()
    """CIDRs of the clients of each host."""
    internal_address: Address | None = Field(default=None, examples=["10.20.15.250"])
    """A free address at the end of the nodes' subnet for an internal load balancer, instead of a public one.
    Required behind a firewall, which drops answers to clients that did not come through it."""
    published_address: Address | None = Field(default=None, examples=["203.0.113.9"])
    """The address in the hosts' DNS records, if it is another one: that of the firewall or gateway that leads
    to `internalAddress`."""

    def rules(self) -> Iterable[Rule]:
        return (self._drains, self._leads_somewhere)

    def _leads_somewhere(self) -> Iterator[Problem]:
        if self.published_address and not self.internal_address:
            yield Problem("publishedAddress", "leads nowhere; set internalAddress, or remove it")

    def _drains(self) -> Iterator[Problem]:
        if self.min_available is not None and self.min_available >= self.replicas:
            text = f"{self.min_available} of {self.replicas} would block the drain of every node"
            yield Problem("minAvailable", f"{text}; set at most {self.replicas - 1}")
