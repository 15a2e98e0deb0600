"""What somebody changed in the objects of Helm releases; tests/conformance asks a real API server."""

import base64
import gzip
import json

import pytest

from deploy.release_drift import by_urn, objects, unlike
from deploy.summary import Summary
from deploy.text import as_text

URN = "urn:pulumi:prod::platform::platform:index:Web$kubernetes:helm.sh/v3:Release::concourse"
STATE = [{"urn": "urn:other"}, {"urn": URN, "inputs": {"name": "concourse", "namespace": "ci"}}]


@pytest.mark.parametrize(
    ("mine", "live", "paths"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ["a.b[1].c"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": {}, "b": None, "c": []}, {}, []),
        ({"a": 1}, {}, ["a"]),
        ({"w": {"caBundle": "Cg=="}}, {"w": {"caBundle": "of the controller"}}, []),
    ],
)
def test_what_the_manifest_says_and_the_cluster_has_not_is_a_difference(mine, live, paths):
    assert list(unlike(mine, live)) == paths


def test_the_objects_of_a_release_are_in_helms_record():
    manifest = "kind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n"
    packed = base64.b64encode(gzip.compress(json.dumps({"manifest": manifest}).encode()))
    record = {"data": {"release": base64.b64encode(packed).decode()}}
    assert [item["kind"] for item in objects(record)] == ["A", "B", "C"]


def test_a_changed_object_is_drift_of_its_release():
    summary = Summary("prod", "drift", unchanged=2)
    found = {("ci", "concourse"): ["Deployment web: spec.replicas"], ("ci", "of somebody else"): ["x"]}
    for urn, texts in by_urn(found, STATE):
        summary.add_release_drift(urn, texts)
    assert summary.counts == {"same": 1, "update": 1}
    assert "changed Release concourse (Deployment web: spec.replicas)" in as_text(summary)
