"""Network policies: everything is denied except the flows of the table."""

from collections import Counter

import pytest

from components.kubernetes import network_policies as flows
from components.kubernetes.namespaces import NAMESPACES
from components.kubernetes.network_policies import (
    External,
    Flow,
    Outside,
    Pods,
    by_labels,
    flow_policies,
    policies,
)
from tests.support.flows import RELEASES, all_flows
from tests.support.recorder import STACKS

WEB = by_labels("concourse", "web", app="web")
WORKERS = Pods("concourse-workers")
OUTSIDE = {External.DATABASE: Outside(["10.1.16.0/28"])}


@pytest.fixture
def table(monkeypatch):
    def use(*rows):
        monkeypatch.setattr(flows, "FLOWS", rows)

    return use


def test_without_flows_only_dns_is_allowed(table):
    table()
    found = policies("concourse", OUTSIDE)
    assert set(found) == {"deny-all", "names"}
    assert found["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert found["names"]["policyTypes"] == ["Egress"]


def test_a_flow_allows_egress_and_ingress_of_its_pods_and_ports_only(table):
    table(Flow(WORKERS, WEB, (2222,), "workers register"))
    out = policies("concourse-workers", OUTSIDE)["all-egress"]
    into = policies("concourse", OUTSIDE)["web-ingress"]
    assert out["podSelector"] == {}
    assert out["egress"] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "concourse"}},
                    "podSelector": {"matchLabels": {"app": "web"}},
                }
            ],
            "ports": [{"port": 2222, "protocol": "TCP"}],
        }
    ]
    assert into["podSelector"] == {"matchLabels": {"app": "web"}}
    assert into["ingress"][0]["ports"] == [{"port": 2222, "protocol": "TCP"}]
    assert "podSelector" not in into["ingress"][0]["from"][0]


def test_flows_of_the_same_pods_share_a_policy(table):
    table(Flow(WEB, External.DATABASE, (5432,), "data"), Flow(WEB, External.INTERNET, (443,), "logins"))
    assert len(policies("concourse", OUTSIDE)["web-egress"]["egress"]) == 2


def test_the_database_has_the_cidrs_of_the_stack(table):
    table(Flow(WEB, External.DATABASE, (5432,), "data"))
    [rule] = policies("concourse", OUTSIDE)["web-egress"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.1.16.0/28"}}]


def test_the_internet_excludes_private_ranges_and_the_metadata_endpoint(table):
    table(Flow(WORKERS, External.INTERNET, (), "builds"))
    [rule] = policies("concourse-workers", OUTSIDE)["all-egress"]["egress"]
    [peer] = rule["to"]
    assert "ports" not in rule
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} < set(
        peer["ipBlock"]["except"]
    )


@pytest.mark.parametrize("port", [8000, 8443])
def test_builds_with_full_access_reach_the_ingress_and_other_builds_do_not(port):
    """From inside, Cilium judges Traefik's pods: no CIDR covers them (cilium#33742)."""
    into = policies("ingress", OUTSIDE)["traefik-ingress"]["ingress"]
    workers = [
        peer["podSelector"]["matchLabels"]
        for rule in into
        for peer in rule["from"]
        if {"port": port, "protocol": "TCP"} in rule["ports"]
        and "concourse-workers" in str(peer.get("namespaceSelector"))
    ]
    assert workers == [{"internet-access": "all"}]
    out = policies("concourse-workers", OUTSIDE)
    assert "traefik" in str(out["internet-egress"])
    assert "traefik" not in str([spec for name, spec in out.items() if name != "internet-egress"])


def test_no_flow_is_listed_twice():
    rows = Counter((flow.source, flow.target) for flow in all_flows())
    assert [row for row, count in rows.items() if count > 1] == []


def test_every_flow_has_a_reason_and_existing_namespaces():
    for flow in all_flows():
        assert flow.why
        for end in (flow.source, flow.target):
            if isinstance(end, Pods):
                assert end.namespace in {*NAMESPACES, "kube-system"}, flow


def test_a_flow_without_known_cidrs_is_refused():
    with pytest.raises(KeyError):
        flow_policies("concourse", [Flow(WEB, External.DATABASE, (5432,), "data")], {})


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("release", RELEASES)
def test_the_flows_of_a_small_release_are_allowed_at_both_ends(run_stack, release, stack):
    made = [
        (policy.inputs["metadata"]["namespace"], policy.inputs["spec"])
        for policy in run_stack(stack).of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    ]
    for namespace in NAMESPACES:
        for spec in flow_policies(namespace, RELEASES[release], {}).values():
            assert (namespace, spec) in made, f"call allow() with FLOWS in components/releases/{release}.py"


def test_traffic_to_nodes_is_allowed_by_a_cilium_policy(table):
    """No CIDR selects a node (learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium)."""
    table(
        Flow(WEB, External.NODES, (9100, 10250), "metrics"),
        Flow(WORKERS, External.NODES, (10250,), "metrics"),
    )
    assert flows.node_policies("concourse") == {
        "web-to-nodes": {
            "endpointSelector": {"matchLabels": {"app": "web"}},
            "egress": [
                {
                    "toEntities": ["host", "remote-node"],
                    "toPorts": [
                        {
                            "ports": [
                                {"port": "9100", "protocol": "TCP"},
                                {"port": "10250", "protocol": "TCP"},
                            ]
                        }
                    ],
                }
            ],
        }
    }
    assert set(policies("concourse", OUTSIDE)) == {"deny-all", "names"}
