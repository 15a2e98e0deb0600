"""Versions of all Helm charts, and of the images that the program names. A bump changes one line."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.config.model import Problem, suggestion


class Chart(NamedTuple):
    """A version of a Helm chart."""

    name: str
    repository: str
    version: str


class Image(NamedTuple):
    """A container image that the program names itself; other images come with their charts."""

    repository: str
    tag: str
    digest: str = ""
    """`sha256:…`; empty for whatever the tag points to."""

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


CHARTS: Mapping[str, Chart] = {
    chart.name: chart
    for chart in (
        # renovate: datasource=helm registryUrl=https://concourse-charts.storage.googleapis.com depName=concourse
        Chart("concourse", "https://concourse-charts.storage.googleapis.com", "20.1.3"),
        # renovate: datasource=helm registryUrl=https://traefik.github.io/charts depName=traefik
        Chart("traefik", "https://traefik.github.io/charts", "41.3.0"),
        # renovate: datasource=helm registryUrl=https://charts.jetstack.io depName=cert-manager
        Chart("cert-manager", "https://charts.jetstack.io", "v1.21.1"),
        # renovate: datasource=helm registryUrl=https://helm.releases.hashicorp.com depName=consul
        Chart("consul", "https://helm.releases.hashicorp.com", "2.0.3"),
        # renovate: datasource=helm registryUrl=https://helm.releases.hashicorp.com depName=vault
        Chart("vault", "https://helm.releases.hashicorp.com", "0.34.1"),
        # renovate: datasource=helm registryUrl=https://prometheus-community.github.io/helm-charts depName=kube-prometheus-stack
        Chart("kube-prometheus-stack", "https://prometheus-community.github.io/helm-charts", "88.5.3"),
        # renovate: datasource=helm registryUrl=https://prometheus-community.github.io/helm-charts depName=prometheus-operator-crds
        Chart("prometheus-operator-crds", "https://prometheus-community.github.io/helm-charts", "31.0.1"),
        # renovate: datasource=helm registryUrl=https://grafana-community.github.io/helm-charts depName=grafana
        Chart("grafana", "https://grafana-community.github.io/helm-charts", "12.11.1"),
        # renovate: datasource=helm registryUrl=https://helm.influxdata.com depName=influxdb2
        Chart("influxdb2", "https://helm.influxdata.com", "2.1.2"),
        # renovate: datasource=helm registryUrl=https://helm.influxdata.com depName=telegraf
        Chart("telegraf", "https://helm.influxdata.com", "1.8.74"),
        # renovate: datasource=helm registryUrl=https://helm.influxdata.com depName=telegraf-ds
        Chart("telegraf-ds", "https://helm.influxdata.com", "1.1.53"),
        # renovate: datasource=helm registryUrl=https://helm.elastic.co depName=eck-operator
        Chart("eck-operator", "https://helm.elastic.co", "3.5.0"),
        # renovate: datasource=helm registryUrl=https://helm.elastic.co depName=eck-elasticsearch
        Chart("eck-elasticsearch", "https://helm.elastic.co", "0.20.0"),
        # renovate: datasource=helm registryUrl=https://helm.elastic.co depName=eck-kibana
        Chart("eck-kibana", "https://helm.elastic.co", "0.20.0"),
        # renovate: datasource=helm registryUrl=https://jertel.github.io/elastalert2 depName=elastalert2
        Chart("elastalert2", "https://jertel.github.io/elastalert2", "2.31.0"),
        # renovate: datasource=helm registryUrl=https://fluent.github.io/helm-charts depName=fluent-bit
        Chart("fluent-bit", "https://fluent.github.io/helm-charts", "0.58.1"),
        # renovate: datasource=helm registryUrl=https://chartmuseum.github.io/charts depName=chartmuseum
        Chart("chartmuseum", "https://chartmuseum.github.io/charts", "3.10.4"),
    )
}
"""By name. The setting `charts` overrides versions in one stack."""

# renovate: datasource=docker depName=traefik
TRAEFIK_IMAGE = Image("traefik", "v3.7.13")
"""Newer than the chart's default: up to 3.7.12 a route could reference objects in other namespaces."""
# renovate: datasource=docker depName=concourse/concourse
CONCOURSE_IMAGE = Image("concourse/concourse", "8.2.5")
"""For web and workers. At least 8.2.5: in earlier versions a team can read another team's secrets."""
# renovate: datasource=docker depName=python
PYTHON_IMAGE = Image(
    "python", "3.13-slim", "sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285"
)
"""Runs the scripts of Jobs, which need the standard library only."""
# renovate: datasource=docker depName=postgres
POSTGRES_IMAGE = Image(
    "postgres", "17-alpine", "sha256:742f40ea20b9ff2ff31db5458d127452988a2164df9e17441e191f3b72252193"
)
"""For psql."""

# renovate: datasource=docker depName=influxdb
INFLUXDB_IMAGE = Image("influxdb", "2.7.12-alpine")
"""The chart is unmaintained: its default is from 2023."""

EXACT = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?")


def pinned(overrides: Mapping[str, str]) -> dict[str, Chart]:
    """Charts by name, at the versions of CHARTS except where `overrides` has another."""
    return {
        name: chart._replace(version=overrides.get(name, chart.version)) for name, chart in CHARTS.items()
    }


def validate_versions(overrides: Mapping[str, str]) -> Iterator[Problem]:
    """Problems in a stack's `charts`."""
    for name, version in overrides.items():
        if name not in CHARTS:
            yield Problem(f"charts.{name}", f"the platform has no such chart; {suggestion(name, CHARTS)}")
        elif not EXACT.fullmatch(version):
            text = f"{version!r} is not an exact version; write it like {CHARTS[name].version}"
            yield Problem(f"charts.{name}", text)
