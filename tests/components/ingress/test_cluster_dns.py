"""The public hosts have addresses inside the cluster; nothing else about their names is different there."""

import re

import pytest
from pulumi import ComponentResource, Output

from components.ingress.cluster_dns import override, resolve_inside

HOSTS = ("ci.example.org", "vault.ci.example.org")


def test_the_config_map_of_aks_is_patched_because_it_exists(run):
    def program():
        parent = ComponentResource("platform:index:Test", "test")
        resolve_inside(HOSTS, ingress=Output.from_input("traefik"), parent=parent)

    patch = run(program).one("kubernetes:core/v1:ConfigMapPatch").inputs
    assert patch["metadata"]["name"] == "coredns-custom"
    assert patch["metadata"]["namespace"] == "kube-system"
    # AKS imports custom/*.override into its default server block, and custom/*.server beside that.
    assert patch["data"] == {"hosts.override": override(HOSTS)}


@pytest.mark.parametrize(
    ("name", "answered"),
    [
        ("ci.example.org.", True),
        ("vault.ci.example.org.", True),
        ("_acme-challenge.ci.example.org.", False),
        ("other.ci.example.org.", False),
        ("vault-ci-example-org.", False),
        ("ci.example.org.cluster.local.", False),
    ],
)
def test_exactly_the_hosts_are_answered(name, answered):
    patterns = re.findall(r'match "(.+)"', override(HOSTS))
    assert [bool(re.search(pattern, name)) for pattern in patterns] == [answered] * 2


def test_only_addresses_are_answered():
    """With SOA and NS of the zone, cert-manager would look for its challenges on the wrong name servers."""
    assert re.findall(r"template IN (\w+) {", override(HOSTS)) == ["A", "AAAA"]
    assert override(HOSTS).count("    fallthrough\n") == 2
