"""What components in the cluster receive, with plain values."""

import dataclasses
from typing import Any

from pulumi import Output

from components.kubernetes.charts import pinned
from components.kubernetes.context import CaTrust, ClusterContext, Disks, Host
from components.kubernetes.namespaces import NAMESPACES
from components.kubernetes.settings import ChartsSettings

HOSTS = {
    "concourse": "ci.example.org",
    **{each: f"{each}.ci.example.org" for each in ("vault", "grafana", "kibana", "charts")},
}


def cluster_context(**overrides: Any) -> ClusterContext:
    """The context of a stack that holds data. Call it inside the program under test: it makes outputs."""
    issuer, ingress = Output.from_input("letsencrypt"), Output.from_input("ingress")
    context = ClusterContext(
        charts=pinned(ChartsSettings()),
        namespaces={name: Output.from_input(name) for name in NAMESPACES},
        disks=Disks(Output.from_input("retain"), Output.from_input("scratch")),
        trust=CaTrust(Output.from_input("platform-internal"), Output.from_input("PEM")),
        service_monitors=Output.from_input(True),
        hosts={purpose: Host(name, (), issuer, ingress) for purpose, name in HOSTS.items()},
        protected=True,
    )
    return dataclasses.replace(context, **overrides)
