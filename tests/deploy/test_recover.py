"""What a killed run leaves behind is found, and taken into the state or let go of."""

import base64
import gzip
import json

from deploy.recover import Rehearsed, adopted, failed, half_made, identity
from deploy.render import RELEASE

GROUP = {
    "urn": "urn:pulumi:demo::platform::azure-native:resources:ResourceGroup::compute",
    "type": "azure-native:resources:ResourceGroup",
    "inputs": {"resourceGroupName": "compute"},
}
OTHER = {**GROUP, "urn": GROUP["urn"] + "2"}
STATE = {
    "resources": [],
    "pending_operations": [
        {"type": "creating", "resource": GROUP},
        {"type": "creating", "resource": OTHER},
        {"type": "updating", "resource": {**GROUP, "urn": "x"}},
    ],
}


def test_only_what_was_being_created_may_exist_unknown_to_the_state():
    assert half_made(STATE) == [GROUP, OTHER]
    assert half_made({}) == []


def test_what_has_an_id_is_adopted_and_nothing_stays_under_way():
    mended = adopted(STATE, {GROUP["urn"]: "/subscriptions/s/resourceGroups/compute"})
    assert mended["resources"] == [{**GROUP, "id": "/subscriptions/s/resourceGroups/compute"}]
    assert not mended["pending_operations"]
    assert STATE["resources"] == []


def test_what_was_being_replaced_is_still_deleted():
    mended = adopted({**STATE, "resources": [{**GROUP, "id": "old"}]}, {GROUP["urn"]: "new"})
    assert [(one["id"], one.get("delete")) for one in mended["resources"]] == [("old", True), ("new", None)]


def test_ids_follow_from_inputs_where_they_can():
    assert identity(GROUP, "s") == "/subscriptions/s/resourceGroups/compute"
    release = {"type": RELEASE, "inputs": {"namespace": "concourse", "name": "concourse"}}
    assert identity(release, "s") == "concourse/concourse"
    secret = {"type": "kubernetes:core/v1:Secret", "inputs": {"metadata": {"namespace": "a", "name": "b"}}}
    assert identity(secret, "s") == "a/b"
    assert identity({"type": "random:index/randomPassword:RandomPassword", "inputs": {}}, "s") is None


def test_helms_record_of_a_stuck_release_says_failed_afterwards_and_is_else_the_same():
    def packed(record):
        return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()

    record = {"name": "web", "info": {"status": "pending-upgrade"}, "manifest": "kept"}
    secret = {
        "metadata": {
            "name": "sh.helm.release.v1.web.v2",
            "labels": {"status": "pending-upgrade", "name": "web"},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": packed(record)},
    }
    mended = failed(secret)
    assert mended["metadata"]["labels"] == {"status": "failed", "name": "web"}
    unpacked = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(mended["data"]["release"]))))
    assert unpacked["info"]["status"] == "failed"
    assert unpacked["manifest"] == "kept"


def test_a_stuck_release_of_the_rehearsal_is_let_go_of(tmp_path):
    file = tmp_path / "cloud" / "web.json"
    file.parent.mkdir()
    stuck = {
        "id": "a/web",
        "type": RELEASE,
        "inputs": {},
        "outputs": {"status": {"status": "pending-install"}},
    }
    file.write_text(json.dumps(stuck))
    for name, record in Rehearsed(tmp_path).stuck():
        assert name == "a/web"
        Rehearsed(tmp_path).release(record)
    assert list(Rehearsed(tmp_path).stuck()) == []
