"""Service accounts and their Roles."""

import pytest

from components.component import Component
from components.kubernetes.accounts import allow, service_account

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}


class Owner(Component):
    """A parent for the resources."""


@pytest.mark.parametrize(
    ("client_id", "annotations"),
    [(None, None), ("client", {"azure.workload.identity/client-id": "client"})],
)
def test_pods_get_no_api_token_and_only_their_own_azure_identity(run, client_id, annotations):
    recorder = run(
        lambda: service_account("reader", namespace="n", client_id=client_id, parent=Owner("owner"))
    )
    account = recorder.one(ACCOUNT).inputs
    assert account["automountServiceAccountToken"] is False
    assert account["metadata"].get("annotations") == annotations


def test_the_account_is_bound_to_a_role_with_these_rules(run):
    seen = []

    def program():
        owner = Owner("owner")
        account = service_account("reader", namespace="n", parent=owner)
        allow("read", account, [READ], namespace="n", parent=owner).apply(seen.append)

    recorder = run(program)
    assert seen == ["reader"]
    assert recorder.one("kubernetes:rbac.authorization.k8s.io/v1:Role").inputs["rules"] == [READ]
    binding = recorder.one("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding").inputs
    assert binding["roleRef"]["name"] == "read"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "reader", "namespace": "n"}]
