"""`drift` compares the clouds with the state: a change by hand is drift, a merged change is not."""

import json
import re

import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine


def test_only_changes_by_hand_are_drift(tmp_path):
    checkout = Checkout(tmp_path / "project")
    done = checkout.deploy("up", "demo", "--rehearse")
    assert done.returncode == 0, done.stdout + done.stderr

    # Merged, not deployed: the next update would change the tags of every resource.
    checkout.set("demo", "tags.owner", "merged")
    assert "tags.owner" in checkout.deploy("preview", "demo", "--rehearse").stdout
    quiet = checkout.deploy("drift", "demo", "--rehearse")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    assert re.search(r"^drift demo: \d+ same in ", quiet.stdout, re.MULTILINE)

    # By hand: one resource has another tag, one is gone.
    objects = checkout.objects("demo")
    cluster = next(file for id_, file in objects.items() if re.search(r"/managedClusters/[^/]+$", id_))
    changed = json.loads(cluster.read_text())
    changed["inputs"]["tags"]["owner"] = "somebody"
    cluster.write_text(json.dumps(changed))
    policy = next(file for id_, file in objects.items() if id_.endswith("/ConfigMap/teams"))
    edited = json.loads(policy.read_text())
    edited["inputs"]["data"] |= {"teams.json": "somebody's", "added": "no field of ours"}
    policy.write_text(json.dumps(edited))
    next(file for id_, file in objects.items() if "/managementPolicies/" in id_).unlink()
    state = checkout.exported("demo")
    found = checkout.deploy("drift", "demo", "--rehearse")
    assert found.returncode == 4, found.stdout + found.stderr
    assert re.search(r"^drift demo: 1 delete, \d+ same, 2 update in ", found.stdout, re.MULTILINE)
    assert re.search(r"changed ManagedCluster cluster\n +tags.owner: \S+ → somebody", found.stdout)
    assert re.search(r'changed ConfigMap teams\n +data\["teams.json"\]', found.stdout), found.stdout
    assert checkout.exported("demo") == state

    # Their owner is somebody else, and a refresh puts them back nevertheless.
    back = checkout.deploy("up", "demo", "--rehearse", "--refresh")
    assert back.returncode == 0, back.stdout + back.stderr
    clean = checkout.deploy("drift", "demo", "--rehearse")
    assert clean.returncode == 0, clean.stdout + clean.stderr
