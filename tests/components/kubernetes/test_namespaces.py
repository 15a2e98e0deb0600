"""Namespaces: network policies, pod security levels, and default accounts without a token."""

import pytest

from components.kubernetes.namespaces import NAMESPACES, Namespaces
from components.kubernetes.network_policies import External, Outside


def made(run, *, protected=True):
    return run(
        lambda: Namespaces(
            "namespaces", protected=protected, outside={External.DATABASE: Outside(["10.1.0.0/28"])}
        )
    )


def test_only_workers_and_node_agents_may_be_privileged():
    privileged = {name for name, row in NAMESPACES.items() if row.level == "privileged"}
    assert privileged <= {"concourse-workers", "node-agents"}


def test_each_namespace_enforces_its_level_and_denies_all_other_traffic(run):
    recorder = made(run)
    closed = recorder.named("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    for name, row in NAMESPACES.items():
        labels = recorder.named("kubernetes:core/v1:Namespace")[name].inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == row.level
        spec = closed[f"{name}-deny-all"].inputs["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_default_account_has_no_token(run):
    for account in made(run).of_type("kubernetes:core/v1:ServiceAccountPatch"):
        assert account.inputs["automountServiceAccountToken"] is False


@pytest.mark.parametrize("protected", [True, False])
def test_namespaces_with_data_are_protected_in_a_protected_stack(run, protected):
    spaces = made(run, protected=protected).named("kubernetes:core/v1:Namespace")
    for name, row in NAMESPACES.items():
        assert spaces[name].options.get("protect", False) is (protected and row.holds_data)


def test_a_name_is_known_once_the_policies_exist(run):
    kept = []

    def program():
        spaces = Namespaces("namespaces", protected=False, outside={External.DATABASE: Outside([])})
        spaces["concourse"].apply(kept.append)

    run(program)
    assert kept == ["concourse"]


def test_a_name_waits_for_cilium_policies_too(run):
    made_ = made(run).named("kubernetes:cilium.io/v2:CiliumNetworkPolicy")
    policy = made_["monitoring-prometheus-to-nodes"]
    assert policy.inputs["metadata"] == {"name": "prometheus-to-nodes", "namespace": "monitoring"}
