"""What a stack chooses about its way in."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.model import Model, Problem, Rule
from components.config.types import PublicCidr

Ranges = tuple[PublicCidr, ...]


class SourceRanges(Model):
    """Who reaches the hosts, by public address; `[]` is everybody. Each host also has a login of its own."""

    default: Ranges = ()
    """For hosts that are not named below."""
    concourse: Ranges | None = None
    """Whoever verifies Concourse's identity tokens reaches what they need for it all the same."""
    vault: Ranges | None = None
    """Unless given, the cluster's operators and deployers."""
    grafana: Ranges | None = None
    """Unless given, the default."""
    kibana: Ranges | None = None
    """Unless given, the cluster's operators: it has users of its own, and no second factor."""
    charts: Ranges | None = None
    """Unless given, the default."""


def _label(value: str) -> str:
    if value != "@" and not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"{value!r} is not one label of a host name (a-z, 0-9 and -), nor @ for the zone itself"
        )
    return value


Label = Annotated[str, AfterValidator(_label), Field(examples=["grafana"])]
"""A host's part of its name. In the zone ci.example.org `grafana` is grafana.ci.example.org, and `@` is
the zone itself."""


class HostsSettings(Model):
    """Hosts within the stack's DNS zone, one for each thing that is reached from outside."""

    concourse: Label = "@"
    """Concourse: for people, fly, and the programs that verify its identity tokens."""
    vault: Label = "vault"
    """Vault: for operators, and whoever writes a team's secrets."""
    grafana: Label = "grafana"
    """Dashboards."""
    kibana: Label = "kibana"
    """Logs."""
    charts: Label = "charts"
    """ChartMuseum, which pipelines publish charts to."""

    def rules(self) -> Iterable[Rule]:
        return (self._differ,)

    def _differ(self) -> Iterator[Problem]:
        counted = Counter(self.labels().values())
        for name, label in self.labels().items():
            if counted[label] > 1:
                others = [other for other, same in self.labels().items() if same == label and other != name]
                yield Problem(name, f"{label} is the host of {' and '.join(others)} too; give each its own")

    def labels(self) -> dict[str, str]:
        """Label of each host by what it is for."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def within(self, zone: str) -> dict[str, str]:
        """Whole name of each host by what it is for."""
        return {name: zone if label == "@" else f"{label}.{zone}" for name, label in self.labels().items()}


class IngressSettings(Model):
    """The ingress: how many pods, and whom it lets in to which host."""

    replicas: int = Field(default=3, ge=1, le=20)
    """Pods, over the zones."""
    min_available: int | None = Field(default=None, ge=0, examples=[2])
    """Pods that stay while nodes are emptied: one less than there are, unless given."""
    hosts: HostsSettings = HostsSettings()
    """Host names within the DNS zone."""
    source_ranges: SourceRanges = SourceRanges()
    """Who reaches which host."""

    def rules(self) -> Iterable[Rule]:
        return (self._drains,)

    def _drains(self) -> Iterator[Problem]:
        if self.min_available is not None and self.min_available >= self.replicas:
            text = f"{self.min_available} of {self.replicas} would keep every node from being emptied"
            yield Problem("minAvailable", f"{text}; at most {self.replicas - 1}")
