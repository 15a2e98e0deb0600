"""The parts of the platform that a stack can leave out, and what in the cluster belongs to each.

All tables of the cluster follow from this one: namespaces, flows, hosts, scrape targets.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from components.kubernetes.network_policies import (
    FLOWS,
    FLUENT_BIT,
    GRAFANA,
    INFLUXDB,
    INFLUXDB_JOB,
    PUBLIC,
    TELEGRAF,
    TELEGRAF_NODES,
    External,
    Flow,
    Pods,
    acme_solver,
)


class Part(NamedTuple):
    """What belongs to an optional part."""

    namespaces: tuple[str, ...] = ()
    """Its own namespaces."""
    pods: tuple[Pods, ...] = ()
    """Its pods in namespaces that it shares with others."""
    host: str = ""
    """Purpose of its public host."""


PARTS: Mapping[str, Part] = {
    "influxdb": Part(pods=(INFLUXDB, INFLUXDB_JOB, TELEGRAF, TELEGRAF_NODES)),
    "logging": Part(namespaces=("logging",), pods=(FLUENT_BIT,), host="kibana"),
    "grafana": Part(pods=(GRAFANA, acme_solver("monitoring")), host="grafana"),
    "chartmuseum": Part(namespaces=("chartmuseum",), host="charts"),
    "vault": Part(namespaces=("vault", "consul", "backup"), host="vault"),
}
"""By name. An alert file of a part has its name (components/monitoring/alerts/)."""


def has_namespace(namespace: str, left_out: Collection[str]) -> bool:
    """Whether a stack without the parts `left_out` has the namespace."""
    return not any(namespace in PARTS[part].namespaces for part in left_out)


def has_pods(end: Pods | External, left_out: Collection[str]) -> bool:
    """Whether a stack without the parts `left_out` has the pods. It always has what is outside."""
    if isinstance(end, External):
        return True
    return has_namespace(end.namespace, left_out) and not any(end in PARTS[part].pods for part in left_out)


def flows(left_out: Collection[str]) -> list[Flow]:
    """The flows of the table whose two ends exist."""
    return [flow for flow in FLOWS if all(has_pods(end, left_out) for end in (flow.source, flow.target))]


def public_namespaces(left_out: Collection[str]) -> list[str]:
    """Namespaces with a public host."""
    return [namespace for namespace in PUBLIC if has_pods(acme_solver(namespace), left_out)]


def without_hosts(left_out: Collection[str]) -> set[str]:
    """Purposes of the hosts that do not exist."""
    return {PARTS[part].host for part in left_out}
