"""What a run that was killed leaves behind, and how it is put right: half-made resources and stuck releases.

A resource that the cloud has made and that the state has not heard of is taken into the state, so that it is
not made twice. A release that Helm holds for being installed is marked as failed, so that it is tried again.
"""

import base64
import copy
import gzip
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.render import RELEASE

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
"""States in which Helm refuses every further change of a release."""
State = Mapping[str, Any]


def half_made(state: State) -> list[dict[str, Any]]:
    """Resources whose creation was begun and, as far as the state knows, not ended."""
    pending = state.get("pending_operations") or ()
    return [operation["resource"] for operation in pending if operation["type"] == "creating"]


def identity(resource: Mapping[str, Any], subscription: str) -> str | None:
    """The id that a half-made resource has if it exists; None where it cannot be told from its inputs."""
    from rehearsal import azure  # noqa: PLC0415 its table of ids, and only where it is needed

    type_, inputs = resource["type"], resource.get("inputs", {})
    if type_ == RELEASE:
        return f"{inputs['namespace']}/{inputs['name']}"
    if type_.startswith("kubernetes:"):
        metadata = inputs.get("metadata", {})
        return "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
    kind = azure.RESOURCE_TYPES.get(type_)
    return kind.id.format_map({"subscriptionId": subscription} | inputs) if kind else None


def adopted(state: State, ids: Mapping[str, str]) -> dict[str, Any]:
    """The state with half-made resources in it under their ids, and without operations under way."""
    mended = copy.deepcopy(dict(state))
    resources = mended.setdefault("resources", [])
    for made in half_made(state):
        if made["urn"] in ids:
            for older in (one for one in resources if one["urn"] == made["urn"]):
                older["delete"] = True  # it was being replaced
            resources.append({**made, "id": ids[made["urn"]]})
    mended["pending_operations"] = None
    return mended


def failed(secret: Mapping[str, Any]) -> dict[str, Any]:
    """Helm's record of a release, with the release failed instead of pending."""
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    record["info"]["status"] = "failed"
    record["info"]["description"] = "marked as failed by deploy recover: its run was killed"
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode(), mtime=0))).decode()
    labels = secret["metadata"]["labels"] | {"status": "failed"}
    return {**secret, "metadata": {**secret["metadata"], "labels": labels}, "data": {"release": packed}}


class Cluster:
    """Helm's records in a real cluster, through kubectl."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    @classmethod
    def of(cls, resources: Iterable[Mapping[str, Any]]) -> "Cluster":
        """The cluster of a stack's state; its kubeconfig holds no secret."""
        providers = (one for one in resources if one["type"] == "pulumi:providers:kubernetes")
        return cls(next((str(one["inputs"].get("kubeconfig", "")) for one in providers), ""))

    def like(self, resource: Mapping[str, Any]) -> str | None:  # noqa: ARG002 as Rehearsed
        """Of Entra's objects nobody can tell the id: `up` says what exists, `pulumi import` takes it."""
        return None

    def stuck(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each stuck release as `namespace/name`, with its record."""
        if not self.kubeconfig:
            return
        wanted = f"owner=helm,status in ({','.join(PENDING)})"
        for item in json.loads(self._kubectl("get", "secrets", "-A", "-l", wanted, "-o", "json"))["items"]:
            yield f"{item['metadata']['namespace']}/{item['metadata']['labels']['name']}", item

    def release(self, record: Any) -> None:
        self._kubectl("replace", "-f", "-", given=json.dumps(failed(record)))

    def _kubectl(self, *arguments: str, given: str = "") -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".kubeconfig") as file:
            file.write(self.kubeconfig)
            file.flush()
            environment = os.environ | {"KUBECONFIG": file.name}
            return subprocess.run(
                ["kubectl", *arguments],  # noqa: S607 found on PATH
                input=given,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout


class Rehearsed:
    """The same of simulated clouds, whose objects are files."""

    def __init__(self, home: Path) -> None:
        self.files = {file: json.loads(file.read_text()) for file in (home / "cloud").rglob("*.json")}

    def stuck(self) -> Iterator[tuple[str, Path]]:
        for file, found in self.files.items():
            if found["type"] == RELEASE and found["outputs"]["status"]["status"] in PENDING:
                yield found["id"], file

    def release(self, record: Any) -> None:
        self.files[record]["outputs"]["status"]["status"] = "failed"
        record.write_text(json.dumps(self.files[record]))

    def like(self, resource: Mapping[str, Any]) -> str | None:
        """The id of what was made of these inputs: Entra gives ids that nobody can tell beforehand."""
        wanted = {
            key: value for key, value in resource.get("inputs", {}).items() if not isinstance(value, dict)
        }
        for found in self.files.values():
            if found["type"] == resource["type"] and wanted.items() <= found["inputs"].items():
                return str(found["id"])
        return None
