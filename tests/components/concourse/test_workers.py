"""Concourse's workers: one to a node, with time to finish."""

import pytest

from components.azure.aks.pool_settings import WorkerPool
from components.concourse.worker_settings import WorkerSettings
from components.concourse.worker_values import cores, values
from tests.support.recorder import revealed

POOL = {"name": "workers1", "vm_size": "Standard_D8ds_v5", "min_nodes": 2, "max_nodes": 4}


def told(pool=None, **settings):
    return values(
        WorkerSettings(**settings), WorkerPool(**(POOL | (pool or {}))),
        account="workers1-worker", gateway="web:2222", checksum="abc", scratch="scratch",
    )  # fmt: skip


def test_builds_do_not_reach_the_nodes_identity():
    env = {each["name"]: each for each in told()["worker"]["env"]}
    closed = env["CONCOURSE_CONTAINERD_RESTRICTED_NETWORK"]["value"].split(",")
    assert closed == ["169.254.169.254/32", "168.63.129.16/32"]


def test_a_worker_has_a_name_that_no_pod_before_it_had():
    """On a real server an emptied worker with its old name failed builds for six minutes (concourse#2827)."""
    names = [each["name"] for each in told()["worker"]["env"]]
    env = {each["name"]: each for each in told()["worker"]["env"]}
    assert env["POD_UID"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.uid"}}
    assert env["CONCOURSE_NAME"]["value"] == "$(POD_NAME)-$(POD_UID)"
    assert names.index("POD_UID") < names.index("CONCOURSE_NAME")  # Kubernetes expands earlier variables only


@pytest.mark.parametrize(
    ("size", "request_", "limit"),
    [
        ("Standard_D8ds_v5", "16Gi", "24Gi"),
        ("Standard_F8s_v2", "8Gi", "12Gi"),
        ("Standard_E4ds_v5", "16Gi", "24Gi"),
    ],
)
def test_builds_do_not_take_the_nodes_memory(size, request_, limit):
    resources = told({"vm_size": size, "os_disk_type": "Managed"})["worker"]["resources"]
    assert resources["requests"]["memory"] == request_
    assert resources["limits"] == {"memory": limit}


@pytest.mark.parametrize("access", ["all", "https", "none"])
def test_a_workers_label_says_what_it_reaches(access):
    assert told({"internet_access": access})["worker"]["labels"] == {"internet-access": access}


def test_a_worker_finishes_its_builds_before_it_goes():
    found = told(termination_grace_period_seconds=7200)
    assert found["worker"]["terminationGracePeriodSeconds"] == 7200
    assert found["concourse"]["worker"]["connectionDrainTimeout"] == "7200s"


def test_workers_are_on_nodes_of_their_own_pool_and_one_on_each():
    worker = told()["worker"]
    assert worker["hardAntiAffinity"] is True
    assert "workers1" in worker["nodeSelector"].values()


@pytest.mark.parametrize(("least", "budget"), [(1, 0), (3, 2)])
def test_one_at_a_time_may_go_and_an_only_one_as_well(least, budget):
    worker = told({"min_nodes": least})["worker"]
    assert (worker["replicas"], worker["minAvailable"]) == (least, budget)


def test_a_pool_that_may_grow_has_more_workers_when_they_are_busy():
    scaling = told()["concourse"]["worker"]["autoscaling"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 4)
    assert "autoscaling" not in told({"max_nodes": 2})["concourse"]["worker"]


def test_a_disk_comes_and_goes_with_its_pod():
    [volume] = told(volume_gb=256)["worker"]["additionalVolumes"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("scratch", "256Gi")
    assert told()["persistence"] == {"enabled": False}


def test_on_a_nodes_own_disk_a_worker_has_a_limit():
    [volume] = told(volume="node", volume_gb=64)["worker"]["additionalVolumes"]
    assert volume["emptyDir"] == {"sizeLimit": "64Gi"}


def test_a_pool_of_a_team_or_for_tags_says_so():
    worker = told({"team": "payments", "tags": ("gpu", "large")})["concourse"]["worker"]
    assert (worker["team"], worker["tag"]) == ("payments", "gpu,large")
    assert not {"team", "tag"} & told()["concourse"]["worker"].keys()


@pytest.mark.parametrize(("size", "count"), [("Standard_D8ds_v5", 8), ("Standard_L16s_v3", 16)])
def test_a_sizes_cores_are_in_its_name(size, count):
    assert cores(size) == count


def test_each_pool_has_a_key_of_its_own_and_webs_public_one(run_stack):
    recorder = run_stack("prod")
    secret = revealed(recorder.named("kubernetes:core/v1:Secret")["workers1-worker"].inputs["stringData"])
    assert secret["worker-key"] == "the-private-key-of-concourse-workers1"
    assert secret["host-key-pub"] == "ssh-rsa concourse-host\n"


def test_an_update_does_not_wait_for_builds(run_stack):
    release = run_stack("prod").named("kubernetes:helm.sh/v3:Release")["workers1"]
    assert release.inputs["skipAwait"] is True
