"""The permissions of our own service accounts, from a real API server."""

import re

import pytest

from components.ingress.traefik import CRDS
from tests.support.recorder import STACKS

RIGHTS = {
    # A server of Vault remembers what it was before its storage was cleared.
    "vault/vault-init": {("delete", "pods", "vault-N")},
    # Its sidecar follows the ConfigMaps that hold dashboards.
    "monitoring/grafana": {(verb, "configmaps", "*") for verb in ("get", "list", "watch")},
}
"""By `namespace/account`: (verb, resource, name of the object). Other accounts have none."""
IN_THE_CLUSTER = {
    # It applies the CRDs of Traefik's chart, before each of its versions.
    "ingress/traefik-crds": {
        (verb, "apiextensions.k8s.io/customresourcedefinitions", name)
        for verb in ("create", "patch")
        for name in CRDS
    },
    # It reads from each kubelet what the pods there use.
    "node-agents/telegraf-ds": {("get", f"nodes/{what}", "*") for what in ("pods", "stats")},
}
"""The same for cluster-wide resources, which are reported in every namespace."""


def rights(server, account, namespace):
    """The permissions of an account in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = server.call(
        "POST", path, review, user=f"system:serviceaccount:{account.replace('/', ':')}"
    ).json()
    assert not answer["status"].get("evaluationError")
    return {
        (verb, "/".join(filter(None, (group, resource))), name)
        for rule in answer["status"]["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in (re.sub(r"-[0-9]$", "-N", name) for name in rule.get("resourceNames", ["*"]))
    }


@pytest.mark.parametrize("stack", STACKS)
def test_a_service_account_has_only_the_permissions_that_its_script_needs(judge, apiserver, rendered, stack):
    manifests = rendered(stack).manifests
    namespaces = [item for item in manifests if item["kind"] == "Namespace"]
    for item in [*namespaces, *(item for item in manifests if item["apiVersion"].startswith("rbac."))]:
        assert not (said := judge.apply(item)), said
    everybody = rights(apiserver, "default/nobody", "default")
    accounts = {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in manifests
        if item["kind"] == "ServiceAccount" and item["metadata"]["name"] != "default"
    }
    for account in sorted(accounts):
        home = account.partition("/")[0]
        for namespace in (item["metadata"]["name"] for item in namespaces):
            may = RIGHTS.get(account, set()) if namespace == home else set()
            may = may | IN_THE_CLUSTER.get(account, set())
            assert rights(apiserver, account, namespace) - everybody == may, (account, namespace)


def test_the_permissions_of_a_role_are_reported(judge, apiserver):
    group, where = "rbac.authorization.k8s.io", {"name": "seen", "namespace": "default"}
    rule = {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "verbs": ["delete"]}
    subject = {"kind": "ServiceAccount", "name": "seen", "namespace": "default"}
    role = {"apiGroup": group, "kind": "Role", "name": "seen"}
    for kind, content in (
        ("Role", {"rules": [rule]}),
        ("RoleBinding", {"roleRef": role, "subjects": [subject]}),
    ):
        made = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": where, **content}
        assert not (said := judge.apply(made)), said
    everybody = rights(apiserver, "default/nobody", "default")
    assert rights(apiserver, "default/seen", "default") - everybody == {("delete", "pods", "a")}
