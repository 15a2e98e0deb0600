"""An upgrade from an earlier version of the program: which charts change, and whether data would go."""

from collections.abc import Iterator
from typing import NamedTuple

from deploy.properties import MISSING
from deploy.render import RELEASE
from deploy.summary import LOSING, Change, Summary
from policy.protection import is_data


class Notes(NamedTuple):
    """What to read before a chart's new version."""

    publisher: str
    warning: str = ""


GITHUB = "https://github.com/"
NO_WAY_BACK = "an older version refuses the data of a newer one: take a snapshot first (runbook)"
NOTES = {
    "concourse": Notes(
        f"{GITHUB}concourse/concourse-chart/blob/master/CHANGELOG.md",
        "web nodes migrate the database: docs/runbooks/upgrade-concourse.md has the order of steps",
    ),
    "traefik": Notes(
        f"{GITHUB}traefik/traefik-helm-chart/blob/master/traefik/Changelog.md",
        "its CRDs must fit (docs/runbooks/upgrade-a-chart.md)",
    ),
    "cert-manager": Notes("https://cert-manager.io/docs/releases/upgrading/"),
    "consul": Notes(f"{GITHUB}hashicorp/consul-k8s/blob/main/CHANGELOG.md", NO_WAY_BACK),
    "vault": Notes(f"{GITHUB}hashicorp/vault-helm/blob/main/CHANGELOG.md", NO_WAY_BACK),
    "kube-prometheus-stack": Notes(
        f"{GITHUB}prometheus-community/helm-charts/blob/main/charts/kube-prometheus-stack/UPGRADE.md",
        "prometheus-operator-crds has to be of the same version (docs/adr/0006)",
    ),
    "prometheus-operator-crds": Notes(
        f"{GITHUB}prometheus-community/helm-charts/blob/main/charts/kube-prometheus-stack/UPGRADE.md"
    ),
    "grafana": Notes(f"{GITHUB}grafana-community/helm-charts/blob/main/charts/grafana/README.md#upgrading"),
    "influxdb2": Notes(f"{GITHUB}influxdata/helm-charts/tree/master/charts/influxdb2"),
    "telegraf": Notes(f"{GITHUB}influxdata/helm-charts/tree/master/charts/telegraf"),
    "telegraf-ds": Notes(f"{GITHUB}influxdata/helm-charts/tree/master/charts/telegraf-ds"),
    "eck-operator": Notes("https://www.elastic.co/docs/release-notes/cloud-on-k8s"),
    "eck-elasticsearch": Notes("https://www.elastic.co/docs/release-notes/elasticsearch", NO_WAY_BACK),
    "eck-kibana": Notes("https://www.elastic.co/docs/release-notes/kibana", "after eck-elasticsearch"),
    "elastalert2": Notes(f"{GITHUB}jertel/elastalert2/blob/master/CHANGELOG.md"),
    "fluent-bit": Notes(f"{GITHUB}fluent/helm-charts/blob/main/charts/fluent-bit/CHANGELOG.md"),
    "chartmuseum": Notes(f"{GITHUB}chartmuseum/charts/tree/main/src/chartmuseum"),
}
"""By chart. A test compares the names with those of components/kubernetes/charts.py."""


def chart_changes(summary: Summary) -> Iterator[str]:
    """A line for each release with another version of its chart."""
    for change in summary.changes:
        for one in change.properties:
            if kind(change.urn) == RELEASE and one.path == "version" and MISSING not in (one.old, one.new):
                name = change.urn.rpartition("::")[2]
                notes = NOTES.get(name) or Notes("")
                told = f"chart of {name}: {one.old} → {one.new}"
                yield "; ".join(filter(None, (told, notes.warning, notes.publisher)))


def losses(summary: Summary) -> list[Change]:
    """Changes that delete or replace what holds data, protected or not. Disks outlive their releases."""
    return [
        change
        for change in summary.changes
        if change.operation in LOSING and is_data(kind(change.urn), change.urn.rpartition("::")[2])
    ]


def kind(urn: str) -> str:
    """The type of a resource."""
    return urn.split("::")[2].rpartition("$")[2]
