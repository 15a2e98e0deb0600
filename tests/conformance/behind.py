"""Real servers behind a rehearsal: an API server, a Vault, and who runs the Job that initialises it."""

import base64
import json
import subprocess
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.helm import CRDS, RELEASE
from rehearsal.kubernetes import job_reason
from tests.conformance import real_kubernetes
from tests.conformance.cluster import AZURE, Judge, Manifest, Release, package, root, template, whole
from tests.conformance.servers import ApiServer, Seal, api_server, vault_server
from tests.conformance.vault_init_job import Job, around
from tests.support.checkout import Checkout
from tests.support.job_scripts import ROOT

INIT = "vault/jobs/vault-init"
ELSEWHERE = {"AUDIT", "CONSUL_URL", "KEY_VAULT_URL", "PATIENCE_SECONDS", "VAULT_POD_URL", "VAULT_URL"}
"""What is at another place here than in a cluster, or takes less time."""
ITS_OWN = {"APIService", "ComponentStatus", "Event", "FlowSchema", "Lease", "PriorityLevelConfiguration"}
"""Kinds that an API server writes to by itself, at any time."""
GROUPS = {chart: row[2] for chart, row in CRDS.items()} | {"traefik": ("traefik.io",)}
"""API groups that a chart brings, or a Job that does not run here."""
SECRET = "4dabf18193072939515e22adb298388d"


class Ground:
    """One stack's rehearsal, with real servers behind it."""

    def __init__(self, stack: str, folder: Path, judge: Judge, init: "InitRunner") -> None:
        self.stack, self.checkout, self.judge = stack, Checkout(folder), judge
        self.init, self.vault = init, init.job.vault
        self.absent, self.missing = {version.partition("/")[0] for version in AZURE}, list[str]()
        """API groups that the server has not; the releases that would bring some of them."""

    def deploy(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.checkout.deploy(command, self.stack, "--rehearse", *more)

    def settings(self) -> Any:
        file = self.checkout.folder / f"Pulumi.{self.stack}.yaml"
        return yaml.safe_load(file.read_text())["config"]

    def set(self, path: str, value: Any) -> None:
        self.checkout.set(self.stack, path, value)

    def contents(self) -> dict[str, tuple[str, str]]:
        """Every object of the API server by its path: (its uid, its version)."""
        found = {}
        for (version, kind), (plural, _) in self.judge.kinds.items():
            answer = self.judge.server.call("GET", f"{root(version)}/{plural}")
            for item in answer.json().get("items") or () if answer.ok and kind not in ITS_OWN else ():
                path = self.judge.path({"apiVersion": version, "kind": kind, **item})
                found[path] = item["metadata"]["uid"], item["metadata"]["resourceVersion"]
        return found

    def get(self, path: str) -> Any:
        answer = self.judge.server.call("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def has(self, version: str) -> bool:
        return version.partition("/")[0] not in self.absent

    def sent(self) -> dict[str, Manifest]:
        """What the engine has sent of ours to the API server, by path, as its state says."""
        found = {}
        for resource in self.checkout.exported(self.stack)["deployment"]["resources"]:
            type_, inputs = resource["type"], whole(revealed(resource.get("inputs") or {}))
            if type_.startswith("kubernetes:") and type_ != RELEASE and self.has(inputs["apiVersion"]):
                found[self.judge.path(inputs)] = inputs
        return found

    def asked(self) -> int:
        """How often Vault was asked for anything, by its own log."""
        log = self.init.job.folder / "audit.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        return decoded(self.get(f"/api/v1/namespaces/{namespace}/secrets/{name}"))

    def concourse(self) -> dict[str, str]:
        """Concourse's own login to Vault, out of its Secret in the cluster."""
        given = self.secret("concourse", "concourse-web")["vault-client-auth-param"]
        return dict(each.split(":") for each in given.split(","))


def revealed(value: Any) -> Any:
    """A value of the state with its secrets, without what the engine adds."""
    if isinstance(value, dict):
        if SECRET in value:
            return revealed(json.loads(value["plaintext"]))
        return {key: revealed(item) for key, item in value.items() if not key.startswith("__")}
    return [revealed(item) for item in value] if isinstance(value, list) else value


def decoded(secret: Manifest) -> dict[str, str]:
    """A Secret's texts."""
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def differences(mine: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where a server does not hold what was sent. What it adds by itself is no difference."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key, value in mine.items():
            yield from differences(value, theirs.get(key), f"{path}.{key}")
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for index, pair in enumerate(zip(mine, theirs, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif (mine or None) != (theirs or None):
        yield f"{path}: {mine!r} is {theirs!r}"


class InitRunner(threading.Thread):
    """Does with Vault's init Job what a cluster would: runs what the API server has of it."""

    def __init__(self, api: ApiServer, job: Job) -> None:
        super().__init__(daemon=True)
        self.api, self.job, self.ended = api, job, threading.Event()
        self.log = ""

    def run(self) -> None:
        path = "/apis/batch/v1/namespaces/" + INIT
        while not self.ended.wait(0.2):
            answer = self.api.call("GET", path)
            if answer.ok and not (job := answer.json())["status"].get("conditions"):
                try:
                    code, self.log = self.once(job["spec"]["template"]["spec"])
                except Exception:  # noqa: BLE001 whatever it is, the Job has failed
                    code, self.log = 1, traceback.format_exc()
                job["status"] = status(code, job)
                self.api.call("PUT", f"{path}/status", job).raise_for_status()

    def once(self, pod: Manifest) -> tuple[int, str]:
        """Its exit code and its log."""
        for volume in pod["volumes"]:
            if volume["name"] == "scripts":
                files = self.get(f"configmaps/{volume['configMap']['name']}")["data"]
            elif volume["name"] == "secrets":
                files = decoded(self.get(f"secrets/{volume['secret']['secretName']}"))
            else:
                continue  # the CA: this Vault's certificate is by one of the test's own
            for name, text in files.items():
                self.job.write(name, text)
        (container,) = pod["containers"]
        given = {each["name"]: each["value"] for each in container["env"] if each["name"] not in ELSEWHERE}
        return self.job.run(Path(container["command"][-1]).name, **given)

    def get(self, path: str) -> Any:
        answer = self.api.call("GET", f"/api/v1/namespaces/vault/{path}")
        answer.raise_for_status()
        return answer.json()


def status(code: int, job: Manifest) -> Manifest:
    """What a Job's controller says of one that has ended."""
    at, reason = job["metadata"]["creationTimestamp"], "CompletionsReached"
    if code:
        reason = job_reason(job["spec"], f"exit {code}: ")
    types = ("FailureTarget", "Failed") if code else ("SuccessCriteriaMet", "Complete")
    conditions = [{"type": type_, "status": "True", "reason": reason} for type_ in types]
    return {"startTime": at, "conditions": conditions} | ({} if code else {"completionTime": at})


@contextmanager
def behind(stack: str, folder: Path, seal: Seal, releases: list[Release]) -> Iterator[Ground]:
    """Empty servers behind a stack's rehearsal, but for the kinds that the releases' charts bring."""
    places = [folder / name for name in ("api", "vault", "job")]
    for place in places:
        place.mkdir()
    with (
        api_server(places[0]) as api,
        vault_server(places[1], seal) as vault,
        around(vault) as (servers, address),
        pytest.MonkeyPatch.context() as patch,
    ):
        judge = Judge(api)
        judge.learn()
        ground = Ground(
            stack, folder / "project", judge, InitRunner(api, Job(places[2], vault, servers, address))
        )
        for release in (release for release in releases if release.chart in GROUPS):
            if chart := package(release):
                items = template(release, chart, *judge.capabilities())
                judge.install([item for item in items if item["kind"] == "CustomResourceDefinition"])
            else:
                ground.missing.append(release.name)
                ground.absent |= {*GROUPS[release.chart]}
        file = folder / "servers.json"
        kubernetes = {"url": api.url, "ca": str(api.ca), "token": api.token}
        kubernetes |= {"absent": sorted(ground.absent), "jobs": [INIT]}
        where = {"kubernetes": kubernetes, "vault": {"url": vault.url, "ca": str(vault.ca)}}
        file.write_text(json.dumps(where))
        patch.setenv("REHEARSAL_SERVERS", real_kubernetes.__name__)
        patch.setenv("PYTHONPATH", str(ROOT))  # the checkout has no tests
        patch.setenv(real_kubernetes.FILE, str(file))
        ground.init.start()
        yield ground
        ground.init.ended.set()
        ground.init.join()
