"""Repairs what a killed run leaves behind: pending creates in Pulumi's state and pending releases of Helm.

A resource that exists and is not in the state would be created twice: it is imported. A pending release
refuses every change: it is marked as failed, so that the next `up` tries again.
"""

import base64
import gzip
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from deploy.arm_ids import arm_id
from deploy.cluster_access import helm_record, kubeconfig
from deploy.render import RELEASE

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
"""States in which Helm refuses every further change of a release."""
State = Mapping[str, Any]


class Releases(Protocol):
    """Helm's records and objects with generated ids: of a real cluster or of the simulated one."""

    def stuck(self) -> Iterator[tuple[str, Any]]: ...
    def mark_failed(self, record: Any) -> None: ...
    def find(self, resource: Mapping[str, Any]) -> str | None: ...


def pending_creates(state: State) -> list[dict[str, Any]]:
    """Resources whose creation began and, as far as the state knows, did not end."""
    pending = state.get("pending_operations") or ()
    return [operation["resource"] for operation in pending if operation["type"] == "creating"]


def resource_id(resource: Mapping[str, Any], subscription: str) -> str | None:
    """The id of a pending create, if its inputs determine it."""
    type_, inputs = resource["type"], resource.get("inputs", {})
    if type_ == RELEASE:
        return f"{inputs['namespace']}/{inputs['name']}"
    if type_.startswith("kubernetes:"):
        metadata = inputs.get("metadata", {})
        return "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
    return arm_id(type_, inputs, subscription)


def import_pending(state: State, ids: Mapping[str, str]) -> dict[str, Any]:
    """The state with the pending creates as resources under their ids, and with no pending operation.

    `pulumi refresh --import-pending-creates URN ID` is meant for this. With Pulumi 3.259.0 and a state in
    files it removed the pending create and imported nothing.
    """
    # An older resource with the URN of a pending create was being replaced.
    older = [r | ({"delete": True} if r["urn"] in ids else {}) for r in state.get("resources") or ()]
    found = [made | {"id": ids[made["urn"]]} for made in pending_creates(state) if made["urn"] in ids]
    return {**state, "resources": [*older, *found], "pending_operations": None}


def failed(secret: Mapping[str, Any]) -> dict[str, Any]:
    """Helm's record of a release, with status `failed` instead of pending."""
    record = helm_record(secret)
    description = "marked as failed by deploy recover: run was killed"
    record["info"] |= {"status": "failed", "description": description}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode(), mtime=0))).decode()
    labels = secret["metadata"]["labels"] | {"status": "failed"}
    return {**secret, "metadata": {**secret["metadata"], "labels": labels}, "data": {"release": packed}}


class KubernetesCluster:
    """Helm's records in a real cluster, through kubectl."""

    def __init__(self, resources: Iterable[Mapping[str, Any]]) -> None:
        self.kubeconfig = kubeconfig(resources)

    def find(self, resource: Mapping[str, Any]) -> str | None:  # noqa: ARG002 of Releases
        """None: Entra generates ids. `up` names an object that exists already; `pulumi import` takes it."""
        return None

    def stuck(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each pending release as `namespace/name`, with its record."""
        if not self.kubeconfig:
            return
        wanted = f"owner=helm,status in ({','.join(PENDING)})"
        for item in json.loads(self._kubectl("get", "secrets", "-A", "-l", wanted, "-o", "json"))["items"]:
            yield f"{item['metadata']['namespace']}/{item['metadata']['labels']['name']}", item

    def mark_failed(self, record: Any) -> None:
        """Mark a release as failed, so that the next `up` may change it."""
        self._kubectl("replace", "-f", "-", stdin=json.dumps(failed(record)))

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".kubeconfig") as file:
            file.write(self.kubeconfig)
            file.flush()
            command, environment = ["kubectl", *arguments], os.environ | {"KUBECONFIG": file.name}
            return subprocess.run(
                command, input=stdin, env=environment, capture_output=True, text=True, check=True
            ).stdout
