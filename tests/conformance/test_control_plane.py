"""The real Kubernetes provider deploys a stack to a real control plane. Its nodes only say that they run."""

import json
import re
import threading

import pytest

from tests.conformance.control_plane import NEXT, control_plane, eventually


@pytest.fixture(
    scope="module",
    params=[pytest.param(stack, marks=pytest.mark.slow) for stack in ("demo", "infra", "staging", "prod")],
)
def plane(request, tmp_path_factory, rendered):
    stack = request.param
    with control_plane(stack, tmp_path_factory.mktemp(stack), rendered(stack)) as plane:
        yield plane


@pytest.fixture(scope="module")
def previewed(plane):
    before = plane.objects()
    return plane.deploy("preview"), before, plane.objects()


@pytest.fixture(scope="module")
def up(plane, previewed):
    return plane.deploy("up")


def test_a_preview_on_an_empty_cluster_creates_nothing(previewed):
    done, before, after = previewed
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^preview \w+: \d+ create, 0 same in ", done.stdout, re.MULTILINE), done.stdout
    assert after <= before + 3  # Secrets and accounts that the controllers make


def test_everything_becomes_ready(plane, up):
    assert up.returncode == 0, up.stdout + up.stderr + "\n".join(plane.stand_ins.failed[-3:])


def test_a_second_preview_is_without_changes(plane, up):
    again = plane.deploy("preview")
    assert re.search(r"^preview \w+: \d+ same in ", again.stdout, re.MULTILINE), again.stdout + again.stderr


def test_the_scheduler_finds_room_for_everything(plane, up):
    assert eventually(lambda: not plane.without_room(), 60), plane.without_room()


def test_a_drained_node_is_empty_and_its_budgets_hold(plane, up):
    """Each eviction that would break a budget is refused until the pod's replacement is ready elsewhere."""
    pool = general(plane)
    node = next(name for name in nodes(plane) if f"-{pool.name}-" in name)
    assert plane.drain(node) == []
    assert not eventually_none(plane.unavailable, 120)
    path = f"/api/v1/nodes/{node}"
    back = plane.get(path)
    back["spec"].pop("unschedulable")
    assert plane.judge.server.call("PUT", path, back).ok


def test_everything_has_room_with_a_node_lost_for_good(plane, up):
    largest = general(plane)
    plane.lose(next(name for name in nodes(plane) if f"-{largest.name}-" in name))
    assert not eventually_none(plane.unavailable, 240)
    plane.stand_ins.most[largest.name] += 1


def general(plane):
    """The pool for pods that choose none."""
    pools = [pool for pool in plane.stand_ins.pools if not pool.taints]
    return max(pools, key=lambda pool: pool.size.max_nodes)


def nodes(plane):
    return [node["metadata"]["name"] for node in plane.get("/api/v1/nodes")["items"]]


def eventually_none(check, seconds):
    """What is left of what `check` finds; nothing once it has found nothing for five seconds."""
    quiet = 0

    def calm():
        nonlocal quiet
        quiet = 0 if check() else quiet + 1
        return quiet >= 10

    return [] if eventually(calm, seconds) else check()


@pytest.fixture(scope="module")
def changed(plane, up):
    """A chart's version, a value of a release, and a member of a team, for which a Job runs again."""
    assert plane.simulate("up").returncode == 0
    before = uid_of_job(plane)
    plane.set("charts.versions", {"chartmuseum": NEXT})
    *others, last = plane.settings()["platform:teams"]
    viewer = {"oidc": {"users": ["ada@example.org"]}}
    plane.set("teams", [*others, last | {"roles": last["roles"] | {"viewer": viewer}}])
    plane.set("ingress.replicas", 3)
    return before


def uid_of_job(plane):
    return plane.get("/apis/batch/v1/namespaces/concourse/jobs/teams")["metadata"]["uid"]


def test_the_simulated_provider_previews_the_same_changes(plane, changed):
    real, simulated = (said(run("preview", "--json")) for run in (plane.deploy, plane.simulate))
    assert real["changes"] == simulated["changes"]
    for kind in ("updates", "replacements", "deletions"):
        assert keyed(real[kind]) == keyed(simulated[kind])


def said(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def keyed(changes):
    return {each["urn"].rpartition("$")[2]: sorted(each["diffKeys"]) for each in changes}


def test_a_job_that_fails_is_told_at_once_and_runs_again_in_the_next_update(plane, changed):
    done = []
    update = threading.Thread(target=lambda: done.append(plane.deploy("up")))
    update.start()
    # Not sooner: the releases before it wait for their pods.
    assert eventually(lambda: job_goes(plane, changed), 600, every=0.05)
    with plane.kubelets_stopped():
        pod = eventually(lambda: pod_of_job(plane, changed), 120)
        assert pod
        plane.kill(pod, "REFUSED: the team exists already")
        assert eventually(lambda: job_failed(plane), 60)
    update.join()
    assert done[0].returncode == 1, done[0].stdout
    assert re.search(r"error: Job teams: .*BackoffLimitExceeded", done[0].stdout, re.DOTALL), done[0].stdout
    failed = uid_of_job(plane)
    assert failed != changed
    again = plane.deploy("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "replace Job teams" in again.stdout
    assert uid_of_job(plane) != failed
    assert re.search(r"^preview \w+: \d+ same in ", plane.deploy("preview").stdout, re.MULTILINE)


def job_goes(plane, before):
    """Whether the Job is being replaced."""
    answer = plane.judge.server.call("GET", "/apis/batch/v1/namespaces/concourse/jobs/teams")
    at = answer.json()["metadata"]
    return not answer.ok or at["uid"] != before or "deletionTimestamp" in at


def pod_of_job(plane, not_of):
    """The new Job's pod, once a node is chosen for it."""
    for pod in plane.get("/api/v1/namespaces/concourse/pods")["items"]:
        owners = pod["metadata"].get("ownerReferences", ())
        if pod["spec"].get("nodeName") and any(
            each["name"] == "teams" and each["uid"] != not_of for each in owners
        ):
            return pod
    return None


def job_failed(plane):
    status = plane.get("/apis/batch/v1/namespaces/concourse/jobs/teams")["status"]
    return any(each["type"] == "Failed" for each in status.get("conditions", ()))


def test_what_somebody_changed_by_hand_is_drift_and_a_refresh_puts_it_back(plane, up):
    level = "pod-security.kubernetes.io/enforce"
    labels = {"name": "concourse", "labels": {level: "privileged"}}
    assert not plane.judge.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": labels})
    found = plane.deploy("drift")
    assert found.returncode == 4, found.stdout + found.stderr
    assert re.search(r"changed Namespace concourse\n +metadata.labels", found.stdout), found.stdout
    assert plane.deploy("up", "--refresh").returncode == 0
    assert plane.get("/api/v1/namespaces/concourse")["metadata"]["labels"][level] != "privileged"
    assert plane.deploy("drift").returncode == 0


def test_destroy_leaves_no_pod_and_no_namespace(plane, up):
    """Last in this file: it takes the stack away."""
    if plane.settings().get("platform:protected", True):
        plane.set("protected", value=False)
        assert plane.deploy("up").returncode == 0
    done = plane.deploy("destroy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not eventually_none(plane.pods, 60)
    assert {each["metadata"]["name"] for each in plane.get("/api/v1/namespaces")["items"]} == {
        "default", "kube-system", "kube-public", "kube-node-lease",
    }  # fmt: skip
