"""Who talks to whom in the cluster: one table, from which every namespace's network policies are made.

Addresses that no flow allows are closed, in both directions. Ports are those of the pods, not of Services.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from components.config.types import PRIVATE

Spec = dict[str, Any]


class Pods(NamedTuple):
    """Pods of a namespace by their labels; without labels, all of it."""

    namespace: str
    name: str = "all"
    """What the policy is called after."""
    labels: tuple[tuple[str, str], ...] = ()


class External(Enum):
    """What is not in the cluster."""

    INTERNET = "internet"
    """Every public address: Azure's services and the API server have such, too."""
    CLIENTS = "clients"
    """Whoever reaches the ingress, by any address."""
    DATABASE = "database"
    """The PostgreSQL server."""
    NODES = "nodes"
    """The cluster's nodes themselves: kubelets, and pods on the nodes' own network. As a target alone."""


class Flow(NamedTuple):
    """One thing that is allowed."""

    source: "Pods | External"
    target: "Pods | External"
    ports: tuple[int, ...]
    """TCP ports of the target; none for all."""
    why: str


def by_labels(namespace: str, name: str = "all", **labels: str) -> Pods:
    """Pods by labels."""
    return Pods(namespace, name, tuple(sorted(labels.items())))


def by_name_label(namespace: str, name: str, app: str) -> Pods:
    """Pods by the label that most charts give them."""
    return Pods(namespace, name, (("app.kubernetes.io/name", app),))


DNS = by_labels("kube-system", "dns", **{"k8s-app": "kube-dns"})
API_SERVER_PORTS = (443,)
KONNECTIVITY = by_labels("kube-system", "konnectivity", app="konnectivity-agent")
"""By these pods AKS's API server reaches webhooks."""

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
"""Beside Prometheus and Alertmanager, whose configuration it puts in place."""

WEB = by_labels("concourse", "web", app="concourse-web")
TEAMS_JOB = by_name_label("concourse", "teams", "teams")
DATABASE_ROLE = by_labels("concourse", "database-role", app="database-role")
WORKERS = Pods("concourse-workers")

TRAEFIK = by_name_label("ingress", "traefik", "traefik")
PUBLIC = ("concourse", "vault", "monitoring", "logging", "chartmuseum")
"""Namespaces with a Service that is reached from outside."""
CHARTMUSEUM = by_name_label("chartmuseum", "chartmuseum", "chartmuseum")
ELASTIC_OPERATOR = by_name_label("logging", "operator", "elastic-operator")
ELASTICSEARCH = by_labels("logging", "elasticsearch", **{"common.k8s.elastic.co/type": "elasticsearch"})
KIBANA = by_labels("logging", "kibana", **{"common.k8s.elastic.co/type": "kibana"})
LOGS_SETUP = by_name_label("logging", "setup", "logs-setup")
ELASTALERT = by_name_label("logging", "elastalert", "elastalert2")
FLUENT_BIT = by_name_label("node-agents", "fluent-bit", "fluent-bit")
ACME_SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
CERT_MANAGER = by_name_label("cert-manager", "cert-manager", "cert-manager")
CERT_MANAGER_WEBHOOK = by_name_label("cert-manager", "webhook", "webhook")
CONSUL = by_labels("consul", "servers", app="consul", component="server")
CONSUL_START = by_labels("consul", "acl-init", app="consul", component="server-acl-init")
CONSUL_TOKENS = by_name_label("consul", "tokens", "consul-acl")
CONSUL_PORT = 8501
VAULT = by_labels("vault", "servers", **{"app.kubernetes.io/name": "vault", "component": "server"})
VAULT_INIT = by_name_label("vault", "init", "vault-init")
VAULT_PORT = 8200
BACKUP = by_labels("backup", "consul", app="backup")

FLOWS: tuple[Flow, ...] = (
    Flow(External.CLIENTS, TRAEFIK, (8000, 8443), "people, fly, pipelines"),
    Flow(TRAEFIK, External.INTERNET, API_SERVER_PORTS, "what there is to route"),
    Flow(TRAEFIK, WEB, (8080,), "people, fly, webhooks"),
    Flow(TRAEFIK, VAULT, (VAULT_PORT,), "people"),
    Flow(TRAEFIK, CHARTMUSEUM, (8080,), "charts, to pipelines and from them"),
    Flow(CHARTMUSEUM, External.INTERNET, (443,), "blob storage"),
    Flow(PROMETHEUS, CHARTMUSEUM, (8080,), "metrics"),
    Flow(KONNECTIVITY, ELASTIC_OPERATOR, (9443,), "the API server has it check its kinds"),
    Flow(ELASTIC_OPERATOR, External.INTERNET, API_SERVER_PORTS, "what it makes of them"),
    Flow(ELASTICSEARCH, ELASTICSEARCH, (9200, 9300), "its nodes among themselves"),
    *(
        Flow(source, ELASTICSEARCH, (9200,), why)
        for source, why in (
            (ELASTIC_OPERATOR, "how it is"),
            (LOGS_SETUP, "a Job says how logs are kept"),
            (FLUENT_BIT, "logs"),
            (KIBANA, "what people ask"),
            (ELASTALERT, "what rules ask"),
            (GRAFANA, "what dashboards ask"),
        )
    ),
    Flow(FLUENT_BIT, External.INTERNET, API_SERVER_PORTS, "whose log it is"),
    Flow(TRAEFIK, KIBANA, (5601,), "people"),
    Flow(ELASTALERT, External.INTERNET, (443,), "Slack"),
    *(
        Flow(PROMETHEUS, target, (port,), "metrics")
        for target, port in ((ELASTIC_OPERATOR, 8080), (FLUENT_BIT, 2020), (ELASTALERT, 8080))
    ),
    Flow(TRAEFIK, GRAFANA, (3000,), "people"),
    Flow(PROMETHEUS, TRAEFIK, (9100,), "metrics"),
    Flow(PROMETHEUS, Pods("cert-manager"), (9402,), "metrics"),
    Flow(CERT_MANAGER, TRAEFIK, (8000, 8443), "http01: it looks before it asks Let's Encrypt to"),
    *(
        Flow(
            TRAEFIK,
            by_labels(namespace, "acme-solver", **ACME_SOLVER),
            (8089,),
            "http01: Let's Encrypt looks",
        )
        for namespace in PUBLIC
    ),
    Flow(WEB, External.DATABASE, (5432,), "Concourse keeps everything there"),
    Flow(WEB, External.INTERNET, (443,), "logins go by Entra"),
    Flow(WEB, WEB, (), "a web node reaches a worker by the one that it registered at, on any port"),
    Flow(WORKERS, WEB, (2222,), "workers register, and everything between them and web goes back that way"),
    Flow(WORKERS, External.INTERNET, (), "builds fetch and publish, by whatever protocol"),
    Flow(TEAMS_JOB, WEB, (8080,), "a Job sets teams"),
    Flow(PROMETHEUS, WEB, (9391,), "metrics"),
    Flow(TELEGRAF, WEB, (9391,), "metrics"),
    Flow(DATABASE_ROLE, External.DATABASE, (5432,), "a Job makes Concourse's role"),
    Flow(Pods("cert-manager"), External.INTERNET, API_SERVER_PORTS, "certificates; Let's Encrypt, Azure DNS"),
    Flow(KONNECTIVITY, CERT_MANAGER_WEBHOOK, (10250,), "the API server has it check certificates"),
    Flow(CONSUL, CONSUL, (), "gossip, by TCP and UDP, and what they agree on"),
    Flow(CONSUL, External.INTERNET, API_SERVER_PORTS, "each asks for its node's zone before it starts"),
    Flow(CONSUL_START, CONSUL, (CONSUL_PORT, 8502), "the chart's own Job turns access control on"),
    Flow(CONSUL_START, External.INTERNET, API_SERVER_PORTS, "where it puts the tokens that it makes"),
    Flow(CONSUL_TOKENS, CONSUL, (CONSUL_PORT,), "policies and tokens"),
    Flow(VAULT, CONSUL, (CONSUL_PORT,), "Vault keeps everything there"),
    Flow(VAULT, VAULT, (VAULT_PORT, 8201), "what one asks of another"),
    Flow(VAULT, External.INTERNET, (443,), "Key Vault, for the seal; Entra; labels of its own pods"),
    Flow(VAULT_INIT, CONSUL, (CONSUL_PORT,), "its lock and its record"),
    Flow(VAULT_INIT, VAULT, (VAULT_PORT,), "initialisation"),
    Flow(VAULT_INIT, External.INTERNET, (443,), "Key Vault and Entra; servers that start anew"),
    Flow(WEB, VAULT, (VAULT_PORT,), "secrets of pipelines"),
    Flow(BACKUP, CONSUL, (CONSUL_PORT,), "a snapshot"),
    Flow(BACKUP, External.INTERNET, (443,), "blob storage; Entra"),
    Flow(PROMETHEUS, CONSUL, (CONSUL_PORT,), "metrics"),
    Flow(PROMETHEUS, VAULT, (VAULT_PORT,), "metrics"),
    Flow(PROMETHEUS, WEB, (9391,), "metrics"),
    Flow(PROMETHEUS, INFLUXDB, (INFLUXDB_PORT,), "metrics"),
    Flow(PROMETHEUS, GRAFANA, (3000,), "metrics"),
    Flow(PROMETHEUS, CERT_MANAGER, (9402,), "metrics"),
    Flow(TELEGRAF, WEB, (9391,), "metrics"),
    Flow(PROMETHEUS, PROMETHEUS, (9090, RELOADER_PORT), "they watch each other"),
    Flow(PROMETHEUS, ALERTMANAGER, (9093, RELOADER_PORT), "alerts; its metrics"),
    Flow(KONNECTIVITY, ALERTMANAGER, (9093,), "deployers' smoke tests raise an alert through the API server"),
    Flow(ALERTMANAGER, ALERTMANAGER, (), "who has told Slack already, by TCP and UDP"),
    Flow(ALERTMANAGER, External.INTERNET, (443,), "Slack"),
    Flow(PROMETHEUS, External.INTERNET, API_SERVER_PORTS, "what there is to watch; the API server's metrics"),
    Flow(PROMETHEUS, External.NODES, (9100, 10250), "node exporters and kubelets"),
    Flow(PROMETHEUS, DNS, (9153,), "metrics"),
    Flow(PROMETHEUS, STATE_METRICS, (8080,), "metrics"),
    Flow(PROMETHEUS, OPERATOR, (8080,), "metrics"),
    Flow(STATE_METRICS, External.INTERNET, API_SERVER_PORTS, "the state of what there is"),
    Flow(OPERATOR, External.INTERNET, API_SERVER_PORTS, "its own kinds"),
    Flow(GRAFANA, PROMETHEUS, (9090,), "metrics"),
    Flow(GRAFANA, INFLUXDB, (INFLUXDB_PORT,), "what Telegraf wrote"),
    Flow(GRAFANA, External.INTERNET, (443,), "logins go by Entra; the API server has the dashboards"),
    Flow(INFLUXDB_JOB, INFLUXDB, (INFLUXDB_PORT,), "users and retention"),
    Flow(TELEGRAF, INFLUXDB, (INFLUXDB_PORT,), "what Concourse tells"),
    Flow(TELEGRAF_NODES, INFLUXDB, (INFLUXDB_PORT,), "what nodes tell"),
    Flow(TELEGRAF_NODES, External.NODES, (10250,), "its node's kubelet"),
)


def node_policies(namespace: str) -> dict[str, Spec]:
    """Specs of Cilium's own policies by name: no range of addresses lets a pod reach a node.

    (learn.microsoft.com/azure/aks/migrate-from-npm-to-cilium-network-policy)
    """
    found: dict[str, Spec] = {}
    for flow in FLOWS:
        if flow.target is External.NODES and isinstance(flow.source, Pods):
            if flow.source.namespace != namespace:
                continue
            spec = found.setdefault(
                f"{flow.source.name}-to-nodes", {"endpointSelector": _selector(flow.source), "egress": []}
            )
            ports = [{"port": str(port), "protocol": "TCP"} for port in flow.ports]
            spec["egress"].append({"toEntities": ["host", "remote-node"], "toPorts": [{"ports": ports}]})
    return found


def policies(namespace: str, outside: Mapping[External, Iterable[str]]) -> dict[str, Any]:
    """Specs of a namespace's network policies by name: all is denied but names, and the table's flows."""
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
    for flow in FLOWS:
        if flow.target is External.NODES:
            continue
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
    place = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": of.namespace}}}
    return place | ({"podSelector": _selector(of)} if of.labels else {})


def _peers(other: "Pods | External", outside: Mapping[External, Iterable[str]]) -> Iterator[Spec]:
    if isinstance(other, Pods):
        yield _peer(other)
    elif other in outside:
        yield from ({"ipBlock": {"cidr": cidr}} for cidr in outside[other])
    elif other is External.CLIENTS:
        yield {"ipBlock": {"cidr": "0.0.0.0/0"}}
    else:
        yield {"ipBlock": {"cidr": "0.0.0.0/0", "except": CLOSED}}


CLOSED = [*map(str, PRIVATE), "169.254.0.0/16", "168.63.129.16/32"]
"""What is no part of the internet: private ranges, the nodes' metadata endpoint (any pod could take the
node's identity from it), and Azure's host agent."""


def _ports(flow: Flow) -> Spec:
    return {"ports": [{"port": port, "protocol": "TCP"} for port in flow.ports]} if flow.ports else {}
