"""What Prometheus watches beside what comes with it: one table, a PodMonitor each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from components.certificates import ca_bundle
from components.component import Component, after
from components.kubernetes.context import ClusterContext
from components.kubernetes.custom_resource import custom_resource
from components.kubernetes.network_policies import (
    CONSUL,
    CONSUL_PORT,
    GRAFANA,
    INFLUXDB,
    INFLUXDB_PORT,
    VAULT,
    VAULT_PORT,
    WEB,
    Pods,
)
from components.monitoring.alert_rules import expiry_rules

CA = "metrics-ca"
CONSUL_TOKEN = "metrics-consul"  # noqa: S105 (the name of a Secret)


class ScrapeTarget(NamedTuple):
    """Pods that tell metrics."""

    pods: Pods
    port: int
    """As the pods declare it."""
    server: str = ""
    """A name in the pods' certificate, where they speak TLS."""
    path: str = "/metrics"
    format: str = ""
    """What a server that can also speak JSON has to be told."""
    secret: str = ""
    """Name of the Secret with a token, for who tells nobody else."""

    def endpoint(self, ca: Input[str]) -> dict[str, Any]:
        """As the operator's kind has it. `ca` is a ConfigMap beside the monitor."""
        found: dict[str, Any] = {"portNumber": self.port, "path": self.path}
        if self.server:
            verified = {"ca": {"configMap": {"name": ca, "key": "ca.crt"}}, "serverName": self.server}
            found |= {"scheme": "https", "tlsConfig": verified}
        if self.format:
            found["params"] = {"format": [self.format]}
        if self.secret:
            found["authorization"] = {"credentials": {"name": self.secret, "key": "token"}}
        return found


SCRAPE_TARGETS: Mapping[str, ScrapeTarget] = {
    "concourse-web": ScrapeTarget(WEB, 9391),
    "vault": ScrapeTarget(VAULT, VAULT_PORT, "vault.vault.svc", "/v1/sys/metrics", "prometheus"),
    "consul": ScrapeTarget(
        CONSUL, CONSUL_PORT, "consul-server.consul.svc", "/v1/agent/metrics", "prometheus", CONSUL_TOKEN
    ),
    "influxdb": ScrapeTarget(INFLUXDB, INFLUXDB_PORT, "influxdb2.monitoring.svc"),
    "grafana": ScrapeTarget(GRAFANA, 3000, "grafana.monitoring.svc"),
}
"""By the name of the monitor. Charts that bring one of their own (cert-manager, Traefik) have that."""


class PodMonitors(Component):
    """A PodMonitor for each row of the table, whether its pods are there yet or not."""

    def __init__(
        self,
        name: str,
        ctx: ClusterContext,
        *,
        consul_token: Input[str],
        expires_at: Mapping[str, Input[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`crds_ready` resolves once the PodMonitor CRD exists.

        `expires_at` has the last moment of what was made for a time, by what it is.
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        ca = ca_bundle(CA, ctx.trust, namespace=namespace, parent=self)
        token = k8s.core.v1.Secret(
            CONSUL_TOKEN,
            metadata={"name": CONSUL_TOKEN, "namespace": namespace},
            string_data={"token": consul_token},
            opts=self.child,
        )
        # An operator that finds no token takes nothing of a monitor.
        there = after(namespace, ctx.service_monitors, token.metadata.name)
        expiry_rules(there, expires_at, parent=self)
        for called, watched in SCRAPE_TARGETS.items():
            custom_resource(
                f"monitor-{called}",
                "PodMonitor",
                called=called,
                api_version="monitoring.coreos.com/v1",
                namespace=there,
                spec={
                    "namespaceSelector": {"matchNames": [watched.pods.namespace]},
                    "selector": {"matchLabels": dict(watched.pods.labels)},
                    "podMetricsEndpoints": [watched.endpoint(ca)],
                },
                parent=self,
            )
        self.register_outputs({})
