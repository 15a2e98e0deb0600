"""Concourse's workers: placement, scaling, disks and shutdown."""

import pytest

from components.azure.aks.pool_settings import WorkerPool
from components.concourse.worker_settings import WorkerSettings
from components.concourse.worker_values import cores, values
from tests.support.recorder import revealed

POOL = {"name": "workers1", "vm_size": "Standard_D8ds_v5", "min_nodes": 2, "max_nodes": 4}


def chart_values(pool=None, **settings):
    return values(
        WorkerSettings(**settings), WorkerPool(**(POOL | (pool or {}))),
        account="workers1-worker", gateway="web:2222", secret_checksum="abc", scratch="scratch",
    )  # fmt: skip


def test_builds_cannot_reach_the_metadata_endpoint():
    env = {each["name"]: each for each in chart_values()["worker"]["env"]}
    closed = env["CONCOURSE_CONTAINERD_RESTRICTED_NETWORK"]["value"].split(",")
    assert closed == ["169.254.169.254/32", "168.63.129.16/32"]


def test_the_nodes_kernel_module_for_iptables_is_loaded_before_the_worker_starts():
    """Without it the worker ends at start: "can't initialize iptables table" (concourse/concourse#9449)."""
    worker = chart_values()["worker"]
    (container,) = worker["extraInitContainers"]
    assert "chroot /node modprobe ip_tables" in container["command"][-1]
    assert container["volumeMounts"] == [{"name": "node", "mountPath": "/node", "readOnly": True}]
    assert {"name": "node", "hostPath": {"path": "/"}} in worker["additionalVolumes"]


def test_a_worker_has_a_name_that_no_earlier_pod_had():
    """On a real server an emptied worker with its old name failed builds for six minutes (concourse#2827)."""
    names = [each["name"] for each in chart_values()["worker"]["env"]]
    env = {each["name"]: each for each in chart_values()["worker"]["env"]}
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
def test_a_worker_has_a_memory_limit_below_its_nodes_memory(size, request_, limit):
    resources = chart_values({"vm_size": size, "os_disk_type": "Managed"})["worker"]["resources"]
    assert resources["requests"]["memory"] == request_
    assert resources["limits"] == {"memory": limit}


@pytest.mark.parametrize("access", ["all", "https", "none"])
def test_a_worker_is_labelled_with_its_internet_access(access):
    assert chart_values({"internet_access": access})["worker"]["labels"] == {"internet-access": access}


def test_a_worker_has_time_to_finish_its_builds():
    found = chart_values(termination_grace_period_seconds=7200)
    assert found["worker"]["terminationGracePeriodSeconds"] == 7200
    assert found["concourse"]["worker"]["connectionDrainTimeout"] == "7200s"


def test_each_worker_has_a_node_of_its_pool_to_itself():
    worker = chart_values()["worker"]
    assert worker["hardAntiAffinity"] is True
    assert "workers1" in worker["nodeSelector"].values()


@pytest.mark.parametrize(("least", "budget"), [(1, 0), (3, 2)])
def test_one_worker_at_a_time_may_be_evicted_even_a_single_one(least, budget):
    worker = chart_values({"min_nodes": least})["worker"]
    assert (worker["replicas"], worker["minAvailable"]) == (least, budget)


def test_a_pool_that_may_grow_autoscales():
    scaling = chart_values()["concourse"]["worker"]["autoscaling"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 4)
    assert "autoscaling" not in chart_values({"max_nodes": 2})["concourse"]["worker"]


def test_the_disk_is_created_and_deleted_with_its_pod():
    volume = chart_values(volume_gb=256)["worker"]["additionalVolumes"][0]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("scratch", "256Gi")
    assert chart_values()["persistence"] == {"enabled": False}


def test_volumes_on_the_nodes_disk_are_limited():
    volume = chart_values(volume="node", volume_gb=64)["worker"]["additionalVolumes"][0]
    assert volume["emptyDir"] == {"sizeLimit": "64Gi"}


def test_a_pools_team_and_tags_are_set():
    worker = chart_values({"team": "payments", "tags": ("gpu", "large")})["concourse"]["worker"]
    assert (worker["team"], worker["tag"]) == ("payments", "gpu,large")
    assert not {"team", "tag"} & chart_values()["concourse"]["worker"].keys()


@pytest.mark.parametrize(("size", "count"), [("Standard_D8ds_v5", 8), ("Standard_L16s_v3", 16)])
def test_cores_are_read_from_the_vm_size(size, count):
    assert cores(size) == count


def test_each_pool_has_its_own_key_and_the_web_nodes_public_key(run_stack):
    recorder = run_stack("prod")
    secret = revealed(recorder.named("kubernetes:core/v1:Secret")["workers1-worker"].inputs["stringData"])
    assert secret["worker-key"] == "the-private-key-of-concourse-workers1"
    assert secret["host-key-pub"] == "ssh-rsa concourse-host\n"


def test_an_update_does_not_wait_for_builds(run_stack):
    release = run_stack("prod").named("kubernetes:helm.sh/v3:Release")["workers1"]
    assert release.inputs["skipAwait"] is True
