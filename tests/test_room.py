"""Room on the nodes: what the charts request, packed onto each stack's pools, with one node lost."""

import re
from typing import NamedTuple

import pytest

from components.concourse.worker_values import GIB_PER_CORE, cores
from components.kubernetes.priority import FOUNDATION
from deploy.stack_file import settings
from tests.support.cluster_facts import cluster
from tests.support.recorder import STACKS

UNITS = {"": 1 / 2**20, "Ki": 1 / 2**10, "Mi": 1, "Gi": 2**10}
KUBE_CPU = {1: 60, 2: 100, 4: 140, 8: 180, 16: 260, 32: 420, 64: 740}
"""Millicores that AKS reserves, by cores (learn.microsoft.com/azure/aks/node-resource-reservations)."""
AKS_DAEMONS = (300, 550)
"""Millicores and MiB of AKS' own daemons on each node, Cilium's agent among them: an estimate."""
AKS_PODS = (700, 800)
"""Of CoreDNS, metrics-server, konnectivity and the like: an estimate; on the system pool."""
MINOR = {"Job"}


class Size(NamedTuple):
    """Millicores and MiB."""

    cpu: float
    memory: float

    def __sub__(self, other):
        return Size(self.cpu - other.cpu, self.memory - other.memory)

    def holds(self, other):
        return self.cpu >= other.cpu and self.memory >= other.memory


def requested(pod):
    """What a pod's containers request; a limit alone counts as a request."""
    cpu = memory = 0.0
    for each in pod["resources"].values():
        asked = (each.get("limits") or {}) | (each.get("requests") or {})
        cpu += millicores(str(asked.get("cpu") or 0))
        memory += mib(str(asked.get("memory") or 0))
    return Size(cpu, memory)


def millicores(text):
    return float(text[:-1]) if text.endswith("m") else float(text) * 1000


def mib(text):
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", text).groups()
    return float(number) * UNITS[unit]


def allocatable(pool):
    """A node's room for pods; of its memory, Linux itself takes about a fortieth.

    (learn.microsoft.com/azure/aks/node-resource-reservations, Kubernetes 1.29 and later)
    """
    count = cores(pool.vm_size)
    memory = count * GIB_PER_CORE[pool.vm_size.removeprefix("Standard_")[0]] * 1024
    reserved = min(20 * pool.max_pods + 50, memory / 4)
    return Size(count * 1000 - KUBE_CPU[count], memory * 39 / 40 - reserved - 100)


class Stack(NamedTuple):
    """A stack's pods, and its nodes for them."""

    pods: list
    workers: list
    node: Size
    pool: object
    daemons: Size


@pytest.fixture(scope="module")
def stacks(run_stack):
    def of(name):
        there, chosen = cluster(run_stack(name), name), settings(name).cluster
        there_ = [pod for pod in there.pods if "resources" in pod]
        daemons = [requested(pod) for pod in there_ if pod["kind"] == "DaemonSet"]
        pool = chosen.platform_pools[0] if chosen.platform_pools else chosen.system_pool
        every = Size(*AKS_DAEMONS)
        taken = Size(
            sum(each.cpu for each in (*daemons, every)), sum(each.memory for each in (*daemons, every))
        )
        standing = [pod for pod in there_ if "replicas" in pod and pod["kind"] not in MINOR]
        workers = [pod for pod in standing if pod["namespace"] == "concourse-workers"]
        others = [pod for pod in standing if pod not in workers]
        if not chosen.platform_pools:
            others.append({"name": "aks", "replicas": 1, "resources": {"all": {"requests": {
                "cpu": f"{AKS_PODS[0]}m", "memory": f"{AKS_PODS[1]}Mi"}}}})  # fmt: skip
        return Stack(others, workers, allocatable(pool) - taken, pool, taken)

    return of


def left_out(pods, node, count):
    """Names of pods that find no place on `count` nodes. Sets that want nodes of their own come first."""
    nodes = [[node, set()] for _ in range(count)]
    waiting = []
    order = sorted(pods, key=lambda pod: (not pod.get("oneOnEachNode"), -requested(pod).memory))
    for pod in order:
        size = requested(pod)
        for _ in range(pod["replicas"]):
            free = [
                each
                for each in nodes
                if each[0].holds(size) and not (pod.get("oneOnEachNode") and pod["name"] in each[1])
            ]
            if not free:
                waiting.append(pod["name"])
                continue
            chosen = max(free, key=lambda each: each[0].memory)
            chosen[0] = chosen[0] - size
            chosen[1].add(pod["name"])
    return waiting


@pytest.mark.parametrize("stack", STACKS)
def test_everything_has_room_when_a_node_of_the_largest_pool_is_lost(stacks, stack):
    """The autoscaler replaces a lost node only up to maxNodes, and only if Azure has one to give."""
    there = stacks(stack)
    assert left_out(there.pods, there.node, there.pool.max_nodes - 1) == []


@pytest.mark.parametrize("stack", STACKS)
def test_what_others_stand_on_has_room_on_the_fewest_nodes_less_one(stacks, stack):
    """Others make room for it. A pod that wants a node of its own waits for the third."""
    there = stacks(stack)
    first = [pod for pod in there.pods if pod.get("priority") == FOUNDATION]
    assert {pod["namespace"] for pod in first} == {"consul", "vault", "ingress", "concourse"}
    nodes = max(there.pool.min_nodes - 1, 1)
    waiting = left_out(first, there.node, nodes)
    own = {pod["name"] for pod in first if pod.get("oneOnEachNode") and pod["replicas"] > nodes}
    assert set(waiting) <= own


@pytest.mark.parametrize("stack", STACKS)
def test_a_set_that_wants_nodes_of_its_own_finds_them(stacks, stack):
    there = stacks(stack)
    wanted = {pod["name"]: pod["replicas"] for pod in there.pods if pod.get("oneOnEachNode")}
    assert {name for name, count in wanted.items() if count > there.pool.min_nodes} == set()


@pytest.mark.parametrize("stack", STACKS)
def test_a_worker_fits_on_a_node_of_its_pool(stacks, stack):
    there, pools = stacks(stack), {pool.name: pool for pool in settings(stack).cluster.worker_pools}
    assert len(there.workers) == len(pools)
    for worker in there.workers:
        pool = pools[worker["nodeSelector"]["kubernetes.azure.com/agentpool"]]
        assert worker["oneOnEachNode"]
        assert worker["replicas"] <= pool.max_nodes
        assert (allocatable(pool) - there.daemons).holds(requested(worker))
