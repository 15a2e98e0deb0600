"""docs/existing-network.md, whose hosts an owner of a firewall copies, against what the program uses."""

import re
from urllib.parse import urlsplit

import pytest

from components.certificates.acme import SERVERS
from components.config.secrets import REQUIRED_SECRETS
from components.kubernetes import charts
from components.kubernetes.charts import CHARTS
from components.kubernetes.mirror import CHARTS as MIRRORED
from components.kubernetes.mirror import mirrored
from components.kubernetes.network_policies import FLOWS, External
from tests.support.cluster_facts import listed
from tests.support.recorder import ROOT

PAGE = (ROOT / "docs" / "existing-network.md").read_text()
HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")
NODES, DEPLOYER = PAGE.partition("## Hosts at the firewall")[2].split("From where `up` runs")

PLACES = {
    # word of a flow: what the page calls it
    "API server": "| AKS |", "Azure DNS": "cert-manager (Azure DNS)", "Entra": "login.microsoftonline.com",
    "Key Vault": "Key Vault and storage are reached by service endpoints", "Slack": "| alerts |",
    "blob storage": "Key Vault and storage are reached by service endpoints", "builds": "| builds |",
    "chart's repository": "| chart with CRDs |", "Let's Encrypt": "| certificates |",
}  # fmt: skip


def told(part, purpose):
    """Hosts of a row of a table."""
    [row] = [line for line in part.splitlines() if line.startswith(f"| {purpose}")]
    return set(HOST.findall(re.sub("`[^`]*`", "", row.split("|")[2])))  # without settings


def registry(image):
    """The registry of an image, as a mirror names it."""
    return mirrored(image, "").strip("/").partition("/")[0]


def registries():
    own = [str(value) for value in vars(charts).values() if isinstance(value, charts.Image)]
    facts = [fact for chart in CHARTS for fact in listed(chart).get("objects", ())]
    images = [image for fact in facts for image in fact.get("images", ())]
    values = [image for table in MIRRORED.values() for image in table.values()]
    # A value without a / is an image of Docker Hub, or a registry's name.
    return {registry(each if "/" in each or "." in each else f"{each}:1") for each in own + images + values}


def test_the_registries_are_those_of_the_charts_and_of_the_programs_own_images():
    assert told(NODES, "images") == registries()
    assert "docker.io" in registries()


def test_the_hosts_of_charts_are_those_that_helm_reads():
    hosts = {urlsplit(chart.repository).hostname for chart in CHARTS.values()}
    assert told(DEPLOYER, "charts") == hosts


def test_the_job_for_crds_reads_one_repository_from_within_the_cluster():
    assert told(NODES, "chart with CRDs") == {urlsplit(CHARTS["traefik"].repository).hostname}


def test_the_servers_of_certificates_are_those_of_the_issuers():
    assert told(NODES, "certificates") == {urlsplit(server).hostname for server in SERVERS.values()}


def test_the_host_of_alerts_is_that_of_the_secret():
    assert told(NODES, "alerts") == {urlsplit(REQUIRED_SECRETS["slackWebhook"].example).hostname}


@pytest.mark.parametrize("why", sorted({flow.why for flow in FLOWS if flow.target is External.INTERNET}))
def test_where_pods_go_is_in_the_table(why):
    """A new destination of a network policy is a new row, or one of these words."""
    named = [place for word, place in PLACES.items() if word in why]
    assert named, why
    assert all(place in PAGE for place in named)
