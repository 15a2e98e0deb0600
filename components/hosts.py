"""The names that people and pipelines call the platform by."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from components.model import Check, Model, Problem


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

    def checks(self) -> Iterable[Check]:
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
