"""Settings of charts, images and the proxy: what comes from outside."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import DOMAIN, Cidr, Pem, text

REPOSITORY = re.compile(r"(oci|https)://[a-z0-9][a-z0-9.-]*(:\d+)?(/[A-Za-z0-9._-]+)*")

Mirror = Annotated[
    str,
    text(
        rf"{DOMAIN}(:[0-9]{{1,5}})?(/[a-z0-9._-]+)*",
        "a registry, with a path if there is one and without https://, such as registry.example.org/mirror",
    ),
    Field(examples=["registry.example.org/mirror"]),
]
ProxyUrl = Annotated[
    str,
    text(
        rf"http://({DOMAIN}|[0-9.]+):[0-9]{{1,5}}/?",
        "a proxy without a login, such as http://proxy.example.org:3128 (AKS supports neither https:// nor "
        "passwords here)",
    ),
    Field(examples=["http://proxy.example.org:3128"]),
]
"""URL of a proxy (learn.microsoft.com/azure/aks/http-proxy)."""
Host = Annotated[
    str,
    text(
        rf"\.?{DOMAIN}|\.?[a-z0-9-]+|[0-9.]+(/[0-9]{{1,2}})?",
        "a host, a domain with a leading dot, an address or a range; AKS has no wildcard *",
    ),
]


class ChartsSettings(Model):
    """Where Helm charts come from, and versions that differ from the pinned ones."""

    repository: str = Field(
        default="",
        examples=["oci://example.azurecr.io/charts", "https://charts.infra.example.org"],
    )
    """Mirror of all charts: an OCI registry, or a ChartMuseum that exists before this stack. Empty for each
    chart's publisher. `python -m deploy charts fill` fills it; logins are in docs/chart-mirror.md."""
    versions: dict[str, str] = Field(default={}, examples=[{"concourse": "20.1.3"}])
    """Chart versions by chart name, to try an upgrade in one stack first. The versions for all stacks are in
    components/kubernetes/charts.py."""

    def rules(self) -> Iterable[Rule]:
        yield self._address

    def _address(self) -> Iterator[Problem]:
        if self.repository and not REPOSITORY.fullmatch(self.repository):  # the text must not repeat a login
            text = (
                "write oci://HOST/FOLDER or https://HOST, without a / at the end; "
                "logins are never in a stack file (docs/chart-mirror.md)"
            )
            yield Problem("repository", text)


class ImagesSettings(Model):
    """Where the cluster's images come from."""

    mirror: Mirror | None = None
    """A registry that has all images, each under the name of its own registry:
    `MIRROR/quay.io/prometheus/prometheus`. The nodes pull from it without a login, or with the kubelet's
    identity. Not covered: images of AKS itself, and those that builds name."""


class ProxySettings(Model):
    """A proxy on the way to the internet. AKS sets it on the nodes and in every pod."""

    url: ProxyUrl
    """The proxy, for http:// and https://."""
    ranges: tuple[Cidr, ...] = Field(min_length=1, max_length=20, examples=[["10.9.1.4/32"]])
    """Addresses of the proxy, which the cluster's network policies open for those who reach the internet."""
    no_proxy: tuple[Host, ...] = Field(default=(), max_length=100, examples=[[".example.org"]])
    """Hosts, domains (.example.org), addresses and ranges to reach directly. The stack's own are added."""
    trusted_ca: Pem | None = None
    """Certificates that the nodes trust in addition, if the proxy opens TLS. Pods do not get them."""

    def rules(self) -> Iterable[Rule]:
        return (self._port_exists,)

    def _port_exists(self) -> Iterator[Problem]:
        if not 0 < self.port <= 65535:  # noqa: PLR2004
            yield Problem("url", f"{self.port} is not a port; use 1 to 65535")

    @property
    def port(self) -> int:
        """The proxy's port."""
        return int(self.url.rstrip("/").rpartition(":")[2])


DIRECT = (".svc", ".cluster.local", ".vault.azure.net", ".blob.core.windows.net")
"""Services of the cluster; Key Vault and storage, which admit the nodes' subnet and refuse the proxy."""


def no_proxy(settings: ProxySettings, zone: str, ranges: Iterable[str]) -> list[str]:
    """Everything that is reached directly: the cluster's own, the hosts of the zone, and what the file adds.

    The API server's address is there by itself, because Python's urllib knows no ranges.
    """
    return list(dict.fromkeys([*DIRECT, zone, f".{zone}", *ranges, *settings.no_proxy]))
