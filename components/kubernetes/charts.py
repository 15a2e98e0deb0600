"""Versions of all Helm charts, and of the images that the program names. A bump changes one line."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.config.model import Problem, shown, suggestion
from components.kubernetes.settings import ChartsSettings

FOLDER = ".charts"
"""Where charts from a mirror are, in the project's folder."""


class Chart(NamedTuple):
    """A version of a Helm chart."""

    name: str
    repository: str
    """The publisher's: `https://…`, or `oci://…` if there is one."""
    version: str
    mirrored: bool = False
    """Whether Helm reads it from FOLDER instead of its publisher."""

    @property
    def file(self) -> str:
        """Name of the packaged chart."""
        return f"{self.name}-{self.version}.tgz"

    @property
    def reference(self) -> str:
        """What Helm calls the chart: a path, an OCI reference, or the name in its repository."""
        if self.mirrored:
            # Relative: the state has it, and another machine must not see a change. The dot at its start makes
            # Helm say "not found" of a file that is not there, instead of looking in a repository.
            return f"{FOLDER}/{self.file}"
        return f"{self.repository}/{self.name}" if self.repository.startswith("oci:") else self.name


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
        # Not its OCI address: the Job for its CRDs reads the repository's index (chart_crds.py).
        # renovate: datasource=helm registryUrl=https://traefik.github.io/charts depName=traefik
        Chart("traefik", "https://traefik.github.io/charts", "41.3.0"),
        # renovate: datasource=docker versioning=helm depName=quay.io/jetstack/charts/cert-manager
        Chart("cert-manager", "oci://quay.io/jetstack/charts", "v1.21.1"),
        # renovate: datasource=helm registryUrl=https://helm.releases.hashicorp.com depName=consul
        Chart("consul", "https://helm.releases.hashicorp.com", "2.0.3"),
        # renovate: datasource=helm registryUrl=https://helm.releases.hashicorp.com depName=vault
        Chart("vault", "https://helm.releases.hashicorp.com", "0.34.1"),
        # renovate: datasource=docker versioning=helm depName=ghcr.io/prometheus-community/charts/kube-prometheus-stack
        Chart("kube-prometheus-stack", "oci://ghcr.io/prometheus-community/charts", "88.5.3"),
        # renovate: datasource=docker versioning=helm depName=ghcr.io/prometheus-community/charts/prometheus-operator-crds
        Chart("prometheus-operator-crds", "oci://ghcr.io/prometheus-community/charts", "31.0.1"),
        # renovate: datasource=docker versioning=helm depName=ghcr.io/grafana-community/helm-charts/grafana
        Chart("grafana", "oci://ghcr.io/grafana-community/helm-charts", "12.11.1"),
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
        # renovate: datasource=docker versioning=helm depName=ghcr.io/fluent/helm-charts/fluent-bit
        Chart("fluent-bit", "oci://ghcr.io/fluent/helm-charts", "0.58.1"),
        # renovate: datasource=helm registryUrl=https://chartmuseum.github.io/charts depName=chartmuseum
        Chart("chartmuseum", "https://chartmuseum.github.io/charts", "3.10.4"),
    )
}
"""By name. The setting `charts.versions` overrides versions in one stack."""

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


def name_of(reference: str, version: str) -> str:
    """The chart's name in a release's `chart`, however the release refers to it."""
    return reference.rpartition("/")[2].removesuffix(f"-{version}.tgz")


def pinned(settings: ChartsSettings) -> dict[str, Chart]:
    """Charts by name, at the versions of CHARTS except where the stack has another."""
    return {
        name: chart._replace(
            version=settings.versions.get(name, chart.version), mirrored=bool(settings.repository)
        )
        for name, chart in CHARTS.items()
    }


def validate_versions(overrides: Mapping[str, str]) -> Iterator[Problem]:
    """Problems in a stack's `charts.versions`."""
    for name, version in overrides.items():
        key = f"charts.versions.{name}"
        if name not in CHARTS:
            yield Problem(key, f"the platform has no such chart; {suggestion(name, CHARTS)}")
        elif not EXACT.fullmatch(version):
            text = f"{shown(version)} is not an exact version; write it like {CHARTS[name].version}"
            yield Problem(key, text)
