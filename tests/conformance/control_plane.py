"""A real control plane, nodes that only say that they run, and the real Kubernetes provider."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from components.kubernetes.chart_lock import LOCK, digest
from components.kubernetes.charts import FOLDER
from tests.conformance import real_provider
from tests.conformance.certificates import Authority
from tests.conformance.chart_repository import proxy, renumbered
from tests.conformance.cluster import Judge, Manifest, Rendered, package
from tests.conformance.minimal_charts import definition, packed
from tests.conformance.nodes import POOL, pools
from tests.conformance.servers import HOST, ApiServer, api_server, free_port, running, tool
from tests.conformance.stand_ins import StandIns
from tests.support.checkout import Checkout
from tests.support.recorder import ROOT

NAMES = ("kube-controller-manager", "kube-scheduler", "kwok", "pulumi-resource-kubernetes")
MIRROR = "https://charts.example.org"
"""Nobody asks it: Helm reads the files that were pulled from it."""
NEXT = "3.10.99"
"""A version of the chart chartmuseum that only this mirror has."""
SET = ("HTTPS_PROXY", "REHEARSAL_SERVERS", real_provider.FILE)
CREDENTIAL = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential"}
"""What kubelogin prints, with a token."""
AKS, CLOSED = ".azmk8s.io", 9
"""The API server's domain; a port on which nobody answers."""


class Plane:
    """A stack on it."""

    def __init__(self, stack: str, folder: Path, judge: Judge, stand_ins: StandIns, kwok: Any) -> None:
        self.stack, self.judge, self.stand_ins, self.kwok = stack, judge, stand_ins, kwok
        self.checkout, self.twin = Checkout(folder), Checkout(folder.with_name("twin"))
        self.folder = folder.parent
        self.own_charts: list[str] = []
        """Charts that are not at hand: minimal ones of the tests' own stand for them."""

        self.set("charts", {"repository": MIRROR})

    def mirrored(self, packages: list[Path]) -> None:
        """Charts as `python -m deploy charts pull` leaves them; their digests are the packages' own."""
        for checkout in (self.checkout, self.twin):
            (place := checkout.folder / FOLDER).mkdir()
            for file in packages:
                (place / file.name).symlink_to(file)
            lock = checkout.folder / LOCK.relative_to(ROOT)
            lock.write_text("".join(f"{digest(each.read_bytes())} {each.name}\n" for each in packages))

    def deploy(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        start = time.monotonic()
        done = self.checkout.deploy(command, self.stack, "--rehearse", *more)
        took = time.monotonic() - start
        said = f"$ {command} {' '.join(more)}\n{done.stdout}{done.stderr}\n{took:.0f} s\n"
        with (self.folder / "deploy.log").open("a") as log:
            log.write(said)
        return done

    def set(self, path: str, value: Any) -> None:
        self.checkout.set(self.stack, path, value)
        self.twin.set(self.stack, path, value)

    def settings(self) -> Any:
        return yaml.safe_load((self.checkout.folder / f"Pulumi.{self.stack}.yaml").read_text())["config"]

    def get(self, path: str) -> Any:
        answer = self.judge.server.call("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def pods(self) -> list[Manifest]:
        """All pods that have not ended."""
        return [
            pod
            for pod in self.get("/api/v1/pods")["items"]
            if pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]

    def without_room(self) -> list[str]:
        """Pods that the scheduler finds no node for, with its reason."""
        found = []
        for pod in self.pods():
            said = [
                each.get("message", "")
                for each in pod["status"].get("conditions") or ()
                if each["type"] == "PodScheduled" and each["status"] == "False"
            ]
            if said and not pod["spec"].get("nodeName"):
                found.append(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}: {said[0]}")
        return found

    def objects(self) -> int:
        """Number of objects in the cluster, but for events and leases."""
        total = 0
        self.judge.learn()
        for (version, kind), (plural, _) in self.judge.kinds.items():
            if kind not in ("Event", "Lease"):
                where = f"/apis/{version}" if "/" in version else f"/api/{version}"
                answer = self.judge.server.call("GET", f"{where}/{plural}")
                total += len(answer.json().get("items") or ()) if answer.ok else 0
        return total

    def drain(self, node: str) -> list[str]:
        """Evict a node's pods as kubectl does; the pods whose budgets never allow it."""
        path = f"/api/v1/nodes/{node}"
        self.judge.server.call(
            "PUT", path, (found := self.get(path)) | {"spec": found["spec"] | {"unschedulable": True}}
        )
        left: list[str] = []

        def evicted() -> bool:
            left.clear()
            for pod in self.pods():
                at = pod["metadata"]
                owners = {owner["kind"] for owner in at.get("ownerReferences", ())}
                if pod["spec"].get("nodeName") != node or "DaemonSet" in owners:
                    continue
                left.append(f"{at['namespace']}/{at['name']}")
                named = {"name": at["name"], "namespace": at["namespace"]}
                body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": named}
                where = f"/api/v1/namespaces/{at['namespace']}/pods/{at['name']}/eviction"
                self.judge.server.call("POST", where, body)
            return not left

        eventually(evicted, 120)
        return left

    def kill(self, pod: Manifest, said: str) -> None:
        """A pod's container ends with an error, in a kubelet's words."""
        at = pod["metadata"]
        ended = {"exitCode": 1, "reason": "Error", "message": said}
        name = pod["spec"]["containers"][0]["name"]
        status = {"name": name, "image": "", "imageID": "", "ready": False, "restartCount": 0}
        path = f"/api/v1/namespaces/{at['namespace']}/pods/{at['name']}"
        body = self.get(path)
        body["status"] |= {
            "phase": "Failed",
            "containerStatuses": [status | {"state": {"terminated": ended}}],
        }
        assert self.judge.server.call("PUT", f"{path}/status", body).ok

    def lose(self, node: str) -> None:
        """A node is gone for good, and Azure has none in its place."""
        pool = self.get(f"/api/v1/nodes/{node}")["metadata"]["labels"][POOL]
        self.stand_ins.most[pool] -= 1
        assert self.judge.server.call("DELETE", f"/api/v1/nodes/{node}").ok
        # Its pods are only found to be gone after a minute.
        assert eventually(lambda: not any(pod["spec"].get("nodeName") == node for pod in self.pods()), 180)

    def unavailable(self) -> list[str]:
        """Workloads that have fewer ready pods than they want, and pods that wait for a node."""
        found = self.without_room()
        for plural in ("deployments", "statefulsets"):
            for item in self.get(f"/apis/apps/v1/{plural}")["items"]:
                if item["status"].get("readyReplicas", 0) < item["spec"]["replicas"]:
                    found.append(f"{plural} {item['metadata']['namespace']}/{item['metadata']['name']}")
        return found

    def simulate(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        """The same with the simulated provider."""
        with pytest.MonkeyPatch.context() as patch:
            for name in SET:
                patch.delenv(name)
            return self.twin.deploy(command, self.stack, "--rehearse", *more)

    @contextmanager
    def kubelets_stopped(self) -> Iterator[None]:
        """No pod starts or ends by itself meanwhile."""
        self.kwok.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.kwok.send_signal(signal.SIGCONT)


def eventually(check: Callable[[], Any], seconds: float = 60, *, every: float = 0.5) -> Any:
    """What `check` says as soon as it says something true, or at the end."""
    end = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < end:
        time.sleep(every)
    return found


def kubeconfig(api: ApiServer, file: Path) -> Path:
    """A cluster's administrator's."""
    cluster = {"server": api.url, "certificate-authority": str(api.ca)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": api.token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(config))
    return file


@contextmanager
def control_plane(stack: str, folder: Path, sent: Rendered) -> Iterator[Plane]:
    """An empty cluster with a stack's nodes, and its charts as they come from a mirror."""
    manager, scheduler, kwok, provider = map(tool, NAMES)
    places = pools(stack)
    folders = {name: folder / name for name in ("api", "charts", "operators", "bin")}
    for place in folders.values():
        place.mkdir()
    charts = {release.chart: release for release in sent.releases}
    own = [chart for chart, release in charts.items() if not package(release)]
    packages = [
        package(each) or packed(name, stack, sent, folders["charts"]) for name, each in charts.items()
    ]
    packages += [renumbered(each, NEXT, folder) for each in packages if each.name.startswith("chartmuseum-")]
    names = (f"*.hcp.{places[0].location}{AKS}",)
    with ExitStack() as open_, pytest.MonkeyPatch.context() as patch:
        api = open_.enter_context(api_server(folders["api"], *names, controlled=True))
        config = kubeconfig(api, folder / "kubeconfig")
        ports = free_port(), free_port()
        certificate, key = (authority := Authority(folder)).issue("control-plane")
        usual = [f"--kubeconfig={config}", "--leader-elect=false", f"--bind-address={HOST}"]
        usual += [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}"]
        home = {**os.environ, "HOME": str(folder)}
        more = [
            # No kubelet would answer for a volume that is attached.
            "--controllers=*,-node-ipam-controller,-persistentvolume-attach-detach-controller",
            f"--service-account-private-key-file={folders['api']}/accounts.pem",
            f"--root-ca-file={api.ca}",
            "--node-monitor-grace-period=5m",  # this machine may be slow, and no node is
            "--kube-api-qps=500",  # the garbage collector starts again with each new kind
            "--kube-api-burst=1000",
        ]
        for port, argv in zip(ports, ([manager, *more], [scheduler]), strict=True):

            def healthy(url: str = f"https://{HOST}:{port}/healthz") -> bool:
                return requests.get(url, timeout=2, verify=authority.certificate).ok

            log = folder / f"{Path(argv[0]).name}.log"
            open_.enter_context(running([*argv, *usual, f"--secure-port={port}"], log, healthy, env=home))
        simulate: list[str | Path] = [kwok, f"--kubeconfig={config}", "--manage-all-nodes=true"]
        simulate += ["--node-lease-duration-seconds=40"]
        kubelets = open_.enter_context(running(simulate, folder / "kwok.log", lambda: True, env=home))
        api_port = int(api.url.rpartition(":")[2])
        address = open_.enter_context(proxy(lambda host: api_port if host.endswith(AKS) else CLOSED))
        (folders["bin"] / provider.name).symlink_to(provider)
        login = folders["bin"] / "kubelogin"
        said = json.dumps(CREDENTIAL | {"status": {"token": api.token}})
        login.write_text(f"#!/bin/sh\necho '{said}'\n")
        login.chmod(0o755)
        servers = folder / "servers.json"
        servers.write_text(json.dumps({"url": api.url, "ca": str(api.ca), "token": api.token}))
        for name, value in {
            "PATH": f"{folders['bin']}{os.pathsep}{os.environ['PATH']}",
            "HTTPS_PROXY": address,
            "NO_PROXY": "127.0.0.1,localhost",
            # This version of the provider has no `enablePatchForce`, which the program sets.
            "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
            "HELM_CACHE_HOME": str(folder / "helm"),
            "HELM_CONFIG_HOME": str(folder / "helm"),
            "HELM_DATA_HOME": str(folder / "helm"),
            "PYTHONPATH": str(ROOT),  # the checkout has no tests
            "REHEARSAL_SERVERS": real_provider.__name__,
            real_provider.FILE: str(servers),
        }.items():
            patch.setenv(name, value)
        judge = Judge(api)
        judge.learn()
        # The pod of the Job for Traefik's CRDs only says that it ran.
        kinds = {(item["apiVersion"], item["kind"]) for item in sent.manifests}
        judge.install([definition(*kind) for kind in sorted(kinds) if kind[0].startswith("traefik.io/")])
        stand_ins = StandIns(judge, places, folders["operators"])
        stand_ins.start()
        try:
            plane = Plane(stack, folder / "project", judge, stand_ins, kubelets)
            plane.own_charts = own
            plane.mirrored(packages)
            yield plane
        finally:
            stand_ins.ended.set()
            stand_ins.join()
