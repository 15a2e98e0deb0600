"""What somebody changed in the objects of a Helm release, on a real API server."""

import base64
import gzip
import json

import pytest
import yaml

from deploy.cluster_access import Access
from deploy.release_drift import ApiServer, changed

NAMESPACE = "release-drift"
MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: release-drift, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {}}
    spec:
      containers:
        - name: web
          image: web:1
          env: []
          command: null
          resources: {requests: {cpu: 1000m, memory: 0.5Gi}}
---
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: release-drift}
webhooks:
  - name: a.example.org
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    clientConfig: {caBundle: "", service: {name: web, namespace: release-drift}}
    rules: [{apiGroups: [none.example.org], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]
"""


@pytest.fixture
def server(judge, apiserver):
    """A release that Helm has just installed."""
    packed = gzip.compress(json.dumps({"manifest": MANIFEST}).encode())
    record = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "sh.helm.release.v1.web.v1",
            "namespace": NAMESPACE,
            "labels": {"owner": "helm", "status": "deployed", "name": "web"},
        },
        "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    items = [judge.placed(item, NAMESPACE) for item in yaml.safe_load_all(MANIFEST) if item]
    for item in (namespace, *items):
        assert not (said := judge.apply(item, fieldManager="helm")), said
    assert not (said := judge.create(record)), said
    filled_in = items[2]
    ca = base64.b64encode(apiserver.ca.read_bytes()).decode()
    filled_in["webhooks"][0]["clientConfig"]["caBundle"] = ca
    assert not (said := judge.apply(filled_in, fieldManager="cainjector")), said
    return ApiServer(Access(apiserver.url, str(apiserver.ca), apiserver.token))


def test_what_helm_made_is_no_difference_and_what_somebody_changed_is(judge, server):
    assert (NAMESPACE, "web") not in changed(server)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": NAMESPACE, "annotations": {"added": "by hand"}},
    }
    assert not judge.apply(deployment, fieldManager="kubectl")
    assert (NAMESPACE, "web") not in changed(server)
    assert not judge.apply(deployment | {"spec": {"replicas": 0}}, fieldManager="kubectl")
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/settings"
    assert server.ask("DELETE", path)
    before = judge.server.call("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web").json()
    assert changed(server)[NAMESPACE, "web"] == [
        "ConfigMap settings: is gone",
        "Deployment web: spec.replicas",
    ]
    after = judge.server.call("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web").json()
    assert after == before
    assert server.ask("GET", path) is None
