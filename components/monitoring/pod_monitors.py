"""Additional scrape targets of Prometheus: a table with one PodMonitor per row."""

from collections.abc import Mapping
from typing import Any, NamedTuple

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
from components.kubernetes.parts import has_pods
from components.kubernetes.secret import secret
from components.monitoring.alert_rules import expiry_rules

CA_BUNDLE = "metrics-ca"
CONSUL_TOKEN = "metrics-consul"  # noqa: S105 (the name of a Secret)


class ScrapeTarget(NamedTuple):
    """Pods that expose metrics."""

    pods: Pods
    port: int
    """Container port as declared by the pods."""
    server: str = ""
    """A name in the pods' certificate, if they use TLS."""
    path: str = "/metrics"
    format: str = ""
    """Value of the `format` parameter, for servers that return JSON by default."""
    secret: str = ""
    """Name of the Secret with a token, for servers that require one."""

    def endpoint(self, ca: Input[str]) -> dict[str, Any]:
        """The endpoint as a PodMonitor describes it. `ca` is a ConfigMap in the monitor's namespace."""
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
"""Targets by name of their monitor. Charts with a monitor of their own (cert-manager, Traefik) use that."""


class PodMonitors(Component):
    """A PodMonitor for each row of the table that the stack has, whether or not its pods exist yet."""

    def __init__(
        self,
        name: str,
        ctx: ClusterContext,
        *,
        consul_token: Input[str] | None,
        expires_at: Mapping[str, Input[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`expires_at` maps the name of everything that expires to its expiry time.

        `consul_token` is None in a stack without Consul.
        """
        super().__init__(name, opts)
        namespace = ctx.namespaces["monitoring"]
        ca = ca_bundle(CA_BUNDLE, ctx.trust, namespace=namespace, parent=self)
        before: list[Input[object]] = [ctx.service_monitors]
        if consul_token is not None:
            # The operator ignores a monitor whose token does not exist.
            before.append(secret(CONSUL_TOKEN, {"token": consul_token}, namespace=namespace, parent=self))
        namespace = after(namespace, *before)
        expiry_rules(namespace, expires_at, parent=self)
        for target_name, target in SCRAPE_TARGETS.items():
            if not has_pods(target.pods, ctx.left_out):
                continue
            custom_resource(
                f"monitor-{target_name}",
                "PodMonitor",
                resource_name=target_name,
                api_version="monitoring.coreos.com/v1",
                namespace=namespace,
                spec={
                    "namespaceSelector": {"matchNames": [target.pods.namespace]},
                    "selector": {"matchLabels": dict(target.pods.labels)},
                    "podMetricsEndpoints": [target.endpoint(ca)],
                },
                parent=self,
            )
        self.register_outputs({})
