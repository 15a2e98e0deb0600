"""The allowed traffic in the cluster as one table, and the network policies that follow from it.

Everything else is denied, in both directions. Ports are those of pods, not of Services. The modules in
components/releases/ have the flows of small releases.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from components.config.types import PRIVATE

Spec = dict[str, Any]


class Pods(NamedTuple):
    """Pods of a namespace, selected by labels; without labels, all of them."""

    namespace: str
    name: str = "all"
    """First part of the names of their policies."""
    labels: tuple[tuple[str, str], ...] = ()


class External(Enum):
    """Peers outside the pod network."""

    INTERNET = "internet"
    """Every public address, so Azure's services and the API server too."""
    CLIENTS = "clients"
    """Clients of the ingress, at any address outside the cluster. No CIDR selects a pod, not even 0.0.0.0/0
    (learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium)."""
    DATABASE = "database"
    """The PostgreSQL server."""
    API_SERVER = "API server"
    """The API server of a private cluster. A public one is part of the internet."""
    PROXY = "proxy"
    """The proxy on the way to the internet."""
    PRIVATE = "private"
    """Private addresses that builds reach."""
    NODES = "nodes"
    """The nodes: kubelets, and pods in the host network. Only valid as a target."""


class Outside(NamedTuple):
    """A peer outside the pod network: CIDRs, and its port if a stack file says which."""

    ranges: Sequence[str]
    port: int | None = None


class Flow(NamedTuple):
    """Allowed traffic from a source to a target."""

    source: "Pods | External"
    target: "Pods | External"
    ports: tuple[int, ...]
    """TCP ports of the target; empty for all ports and protocols."""
    why: str


def by_labels(namespace: str, name: str = "all", **labels: str) -> Pods:
    """Pods selected by any labels."""
    return Pods(namespace, name, tuple(sorted(labels.items())))


def by_name_label(namespace: str, name: str, app: str) -> Pods:
    """Pods selected by `app.kubernetes.io/name`."""
    return Pods(namespace, name, (("app.kubernetes.io/name", app),))


DNS = by_labels("kube-system", "dns", **{"k8s-app": "kube-dns"})
API_SERVER_PORTS = (443,)
KONNECTIVITY = by_labels("kube-system", "konnectivity", app="konnectivity-agent")
"""AKS's API server reaches webhooks through these pods."""

PROMETHEUS = by_name_label("monitoring", "prometheus", "prometheus")
ALERTMANAGER = by_name_label("monitoring", "alertmanager", "alertmanager")
STATE_METRICS = by_name_label("monitoring", "state-metrics", "kube-state-metrics")
OPERATOR = by_labels("monitoring", "operator", app="kube-prometheus-stack-operator")
INFLUXDB = by_name_label("monitoring", "influxdb", "influxdb2")
INFLUXDB_JOB = by_name_label("monitoring", "influxdb-setup", "influxdb-setup")
TELEGRAF = by_name_label("monitoring", "telegraf", "telegraf")
TELEGRAF_NODES = by_name_label("node-agents", "telegraf", "telegraf-ds")
GRAFANA = by_name_label("monitoring", "grafana", "grafana")
INFLUXDB_PORT = 8086
RELOADER_PORT = 8080
"""Port of the configuration reloader, a sidecar of Prometheus and Alertmanager."""

WEB = by_labels("concourse", "web", app="concourse-web")
TEAMS_JOB = by_name_label("concourse", "teams", "teams")
DATABASE_ROLE = by_labels("concourse", "database-role", app="database-role")
WORKERS = Pods("concourse-workers")
INTERNET_ACCESS = "internet-access"
"""Label of workers: "all", "https" or "none" (`internetAccess` of their pool)."""
WORKERS_ALL = by_labels("concourse-workers", "internet", **{INTERNET_ACCESS: "all"})
WORKERS_HTTPS = by_labels("concourse-workers", "https", **{INTERNET_ACCESS: "https"})

TRAEFIK = by_name_label("ingress", "traefik", "traefik")
TRAEFIK_CRDS = by_name_label("ingress", "crds", "traefik-crds")
PUBLIC = ("concourse", "vault", "monitoring", "logging", "chartmuseum")
"""Namespaces with a public host."""
ELASTIC_OPERATOR = by_name_label("logging", "operator", "elastic-operator")
ELASTICSEARCH = by_labels("logging", "elasticsearch", **{"common.k8s.elastic.co/type": "elasticsearch"})
KIBANA = by_labels("logging", "kibana", **{"common.k8s.elastic.co/type": "kibana"})
LOGS_SETUP = by_name_label("logging", "setup", "logs-setup")
ELASTALERT = by_name_label("logging", "elastalert", "elastalert2")
FLUENT_BIT = by_name_label("node-agents", "fluent-bit", "fluent-bit")
ACME_SOLVER = {"acme.cert-manager.io/http01-solver": "true"}


def acme_solver(namespace: str) -> Pods:
    """cert-manager's pods that answer http01 challenges for the hosts of a namespace."""
    return by_labels(namespace, "acme-solver", **ACME_SOLVER)


CERT_MANAGER = by_name_label("cert-manager", "cert-manager", "cert-manager")
CERT_MANAGER_WEBHOOK = by_name_label("cert-manager", "webhook", "webhook")
CONSUL = by_labels("consul", "servers", app="consul", component="server")
CONSUL_START = by_labels("consul", "acl-init", app="consul", component="server-acl-init")
CONSUL_CLEANUP = by_labels("consul", "acl-cleanup", app="consul", component="server-acl-init-cleanup")
CONSUL_TOKENS = by_name_label("consul", "tokens", "consul-acl")
CONSUL_PORT = 8501
VAULT = by_labels("vault", "servers", **{"app.kubernetes.io/name": "vault", "component": "server"})
VAULT_INIT = by_name_label("vault", "init", "vault-init")
VAULT_PORT = 8200
BACKUP = by_labels("backup", "consul", app="backup")

FLOWS: tuple[Flow, ...] = (
    # cert-manager
    Flow(KONNECTIVITY, CERT_MANAGER_WEBHOOK, (10250,), "admission webhook"),
    Flow(PROMETHEUS, Pods("cert-manager"), (9402,), "metrics"),
    Flow(PROMETHEUS, CERT_MANAGER, (9402,), "metrics"),
    # concourse
    Flow(TRAEFIK, WEB, (8080,), "browsers, fly, webhooks"),
    Flow(WEB, WEB, (), "a web node reaches a worker through the one it registered with, on any port"),
    Flow(WORKERS, WEB, (2222,), "worker registration; its tunnel carries all traffic between worker and web"),
    Flow(TEAMS_JOB, WEB, (8080,), "the Job that sets teams"),
    Flow(PROMETHEUS, WEB, (9391,), "metrics"),
    Flow(TELEGRAF, WEB, (9391,), "metrics"),
    # consul
    Flow(CONSUL, CONSUL, (), "Raft, and gossip over TCP and UDP"),
    Flow(CONSUL_START, CONSUL, (CONSUL_PORT, 8502), "the chart's Job bootstraps ACLs"),
    Flow(CONSUL_TOKENS, CONSUL, (CONSUL_PORT,), "policies and tokens"),
    Flow(VAULT, CONSUL, (CONSUL_PORT,), "Vault's storage"),
    Flow(VAULT_INIT, CONSUL, (CONSUL_PORT,), "lock and record of the initialisation"),
    Flow(BACKUP, CONSUL, (CONSUL_PORT,), "snapshots"),
    Flow(PROMETHEUS, CONSUL, (CONSUL_PORT,), "metrics"),
    # ingress
    Flow(External.CLIENTS, TRAEFIK, (8000, 8443), "browsers, fly, pipelines"),
    Flow(CERT_MANAGER, TRAEFIK, (8000, 8443), "http01: self-check before the order"),
    Flow(WORKERS_ALL, TRAEFIK, (8000, 8443), "builds that use the stack's own hosts"),
    Flow(PROMETHEUS, TRAEFIK, (9100,), "metrics"),
    # kube-system
    Flow(PROMETHEUS, DNS, (9153,), "metrics"),
    # logging
    Flow(KONNECTIVITY, ELASTIC_OPERATOR, (9443,), "admission webhook"),
    Flow(PROMETHEUS, ELASTIC_OPERATOR, (8080,), "metrics"),
    Flow(ELASTICSEARCH, ELASTICSEARCH, (9200, 9300), "traffic between nodes"),
    Flow(ELASTIC_OPERATOR, ELASTICSEARCH, (9200,), "health and settings"),
    Flow(LOGS_SETUP, ELASTICSEARCH, (9200,), "the Job that sets templates and retention"),
    Flow(FLUENT_BIT, ELASTICSEARCH, (9200,), "logs"),
    Flow(KIBANA, ELASTICSEARCH, (9200,), "queries"),
    Flow(ELASTALERT, ELASTICSEARCH, (9200,), "queries of alert rules"),
    Flow(GRAFANA, ELASTICSEARCH, (9200,), "queries of dashboards"),
    Flow(TRAEFIK, KIBANA, (5601,), "browsers"),
    Flow(PROMETHEUS, ELASTALERT, (8080,), "metrics"),
    # monitoring
    Flow(TRAEFIK, GRAFANA, (3000,), "browsers"),
    Flow(PROMETHEUS, GRAFANA, (3000,), "metrics"),
    Flow(PROMETHEUS, INFLUXDB, (INFLUXDB_PORT,), "metrics"),
    Flow(GRAFANA, INFLUXDB, (INFLUXDB_PORT,), "queries of dashboards"),
    Flow(INFLUXDB_JOB, INFLUXDB, (INFLUXDB_PORT,), "the Job that sets users and retention"),
    Flow(TELEGRAF, INFLUXDB, (INFLUXDB_PORT,), "Concourse's metrics"),
    Flow(TELEGRAF_NODES, INFLUXDB, (INFLUXDB_PORT,), "metrics of nodes"),
    Flow(PROMETHEUS, PROMETHEUS, (9090, RELOADER_PORT), "metrics of Prometheus itself"),
    Flow(GRAFANA, PROMETHEUS, (9090,), "queries of dashboards"),
    Flow(PROMETHEUS, ALERTMANAGER, (9093, RELOADER_PORT), "alerts, metrics"),
    Flow(KONNECTIVITY, ALERTMANAGER, (9093,), "test alert of the smoke tests, through the API server"),
    Flow(ALERTMANAGER, ALERTMANAGER, (), "gossip about sent notifications, over TCP and UDP"),
    Flow(PROMETHEUS, STATE_METRICS, (8080,), "metrics"),
    Flow(PROMETHEUS, OPERATOR, (8080,), "metrics"),
    # node-agents
    Flow(PROMETHEUS, FLUENT_BIT, (2020,), "metrics"),
    # vault
    Flow(TRAEFIK, VAULT, (VAULT_PORT,), "operators"),
    Flow(VAULT, VAULT, (VAULT_PORT, 8201), "request forwarding"),
    Flow(VAULT_INIT, VAULT, (VAULT_PORT,), "initialisation"),
    Flow(WEB, VAULT, (VAULT_PORT,), "secrets of pipelines"),
    Flow(PROMETHEUS, VAULT, (VAULT_PORT,), "metrics"),
    # Every namespace with a public host
    *(Flow(TRAEFIK, acme_solver(namespace), (8089,), "http01 challenges") for namespace in PUBLIC),
    # The database
    Flow(WEB, External.DATABASE, (5432,), "Concourse's data"),
    Flow(DATABASE_ROLE, External.DATABASE, (5432,), "the Job that creates Concourse's role"),
    # The nodes
    Flow(PROMETHEUS, External.NODES, (9100, 10250), "node exporters and kubelets"),
    Flow(TELEGRAF_NODES, External.NODES, (10250,), "kubelet of its own node"),
    # The internet, and the API server
    Flow(ALERTMANAGER, External.INTERNET, (443, 587), "Slack and other receivers of alerts; mail servers"),
    Flow(BACKUP, External.INTERNET, (443,), "blob storage, Entra"),
    Flow(
        Pods("cert-manager"),
        External.INTERNET,
        API_SERVER_PORTS,
        "API server, Let's Encrypt, Azure DNS, Entra",
    ),
    Flow(CONSUL, External.INTERNET, API_SERVER_PORTS, "API server: zone of the node, read at start"),
    Flow(CONSUL_START, External.INTERNET, API_SERVER_PORTS, "API server: Secrets for its tokens"),
    Flow(CONSUL_CLEANUP, External.INTERNET, API_SERVER_PORTS, "API server: deletes the Job that is done"),
    Flow(ELASTALERT, External.INTERNET, (443,), "Slack"),
    Flow(ELASTIC_OPERATOR, External.INTERNET, API_SERVER_PORTS, "API server"),
    Flow(FLUENT_BIT, External.INTERNET, API_SERVER_PORTS, "API server: metadata of pods"),
    Flow(GRAFANA, External.INTERNET, (443,), "Entra; API server: dashboards"),
    Flow(OPERATOR, External.INTERNET, API_SERVER_PORTS, "API server"),
    Flow(PROMETHEUS, External.INTERNET, API_SERVER_PORTS, "API server: targets, and its own metrics"),
    Flow(STATE_METRICS, External.INTERNET, API_SERVER_PORTS, "API server"),
    Flow(TRAEFIK, External.INTERNET, API_SERVER_PORTS, "API server: routes"),
    Flow(TRAEFIK_CRDS, External.INTERNET, (443,), "the chart's repository; API server: CRDs"),
    Flow(VAULT, External.INTERNET, (443,), "Key Vault, Entra; API server: labels of its pods"),
    Flow(VAULT_INIT, External.INTERNET, (443,), "Key Vault, Entra; API server: restart of Vault's pods"),
    Flow(WEB, External.INTERNET, (443,), "Entra; API server: secrets of pipelines, if there is no Vault"),
    Flow(WORKERS_ALL, External.INTERNET, (), "builds, by any protocol"),
    Flow(WORKERS_HTTPS, External.INTERNET, (443,), "builds that run the code of pull requests"),
    # Private addresses, if a stack file has any
    Flow(WORKERS_ALL, External.PRIVATE, (), "builds, by any protocol"),
    Flow(WORKERS_HTTPS, External.PRIVATE, (443,), "builds that run the code of pull requests"),
)


def node_policies(namespace: str, flows: Iterable[Flow] | None = None) -> dict[str, Spec]:
    """Specs of the namespace's CiliumNetworkPolicies by name. A CIDR cannot allow traffic to a node.

    (learn.microsoft.com/azure/aks/migrate-from-npm-to-cilium-network-policy)
    """
    found: dict[str, Spec] = {}
    for flow in FLOWS if flows is None else flows:
        if flow.target is External.NODES and isinstance(flow.source, Pods):
            if flow.source.namespace != namespace:
                continue
            spec = found.setdefault(
                f"{flow.source.name}-to-nodes", {"endpointSelector": _selector(flow.source), "egress": []}
            )
            ports = [{"port": str(port), "protocol": "TCP"} for port in flow.ports]
            spec["egress"].append({"toEntities": ["host", "remote-node"], "toPorts": [{"ports": ports}]})
    return found


def brought(flows: Iterable[Flow], outside: Mapping[External, Outside]) -> Iterator[Flow]:
    """The flows of a stack: who reaches the internet also reaches what stands between."""
    for flow in flows:
        there = outside.get(flow.target) if isinstance(flow.target, External) else None
        if flow.target is External.PRIVATE and not there:
            continue
        yield flow._replace(ports=(there.port,)) if there and there.port else flow
        if flow.target is External.INTERNET:
            for between in (each for each in (External.API_SERVER, External.PROXY) if each in outside):
                port = outside[between].port
                yield Flow(flow.source, between, (port,) if port else API_SERVER_PORTS, flow.why)


def policies(
    namespace: str, outside: Mapping[External, Outside], flows: Iterable[Flow] | None = None
) -> dict[str, Any]:
    """Specs of the namespace's NetworkPolicies by name: DNS and `flows`, by default those of the table."""
    found: dict[str, Spec] = {
        "deny-all": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "names": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [
                {
                    "to": [_peer(DNS)],
                    "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
                }
            ],
        },
    }
    to_pods = [flow for flow in (FLOWS if flows is None else flows) if flow.target is not External.NODES]
    return found | flow_policies(namespace, brought(to_pods, outside), outside)


def flow_policies(
    namespace: str, flows: Iterable[Flow], outside: Mapping[External, Outside]
) -> dict[str, Any]:
    """Specs of the NetworkPolicies in the namespace that allow the flows, by name."""
    found: dict[str, Spec] = {}
    for flow in flows:
        for mine, direction, side, other in (
            (flow.source, "Egress", "to", flow.target),
            (flow.target, "Ingress", "from", flow.source),
        ):
            if isinstance(mine, Pods) and mine.namespace == namespace:
                spec = found.setdefault(
                    f"{mine.name}-{direction.lower()}",
                    {"podSelector": _selector(mine), "policyTypes": [direction], direction.lower(): []},
                )
                spec[direction.lower()].append({side: list(_peers(other, outside)), **_ports(flow)})
    return found


def _selector(of: Pods) -> Spec:
    return {"matchLabels": dict(of.labels)} if of.labels else {}


def _peer(of: Pods) -> Spec:
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": of.namespace}}}
    return namespace | ({"podSelector": _selector(of)} if of.labels else {})


def _peers(other: "Pods | External", outside: Mapping[External, Outside]) -> Iterator[Spec]:
    if isinstance(other, Pods):
        yield _peer(other)
    elif other is External.CLIENTS:
        yield {"ipBlock": {"cidr": "0.0.0.0/0"}}
    elif other is External.INTERNET:
        yield {"ipBlock": {"cidr": "0.0.0.0/0", "except": NOT_INTERNET}}
    else:
        yield from ({"ipBlock": {"cidr": cidr}} for cidr in outside[other].ranges)


NOT_INTERNET = [*map(str, PRIVATE), "169.254.0.0/16", "168.63.129.16/32"]
"""CIDRs that do not count as internet: private ranges, the instance metadata endpoint (a pod could get the
node's identity there), and Azure's host agent."""


def _ports(flow: Flow) -> Spec:
    return {"ports": [{"port": port, "protocol": "TCP"} for port in flow.ports]} if flow.ports else {}
