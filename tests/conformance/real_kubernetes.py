"""Real servers behind the simulated clouds: what a cloud has taken is written to its server, too.

For tests/conformance alone, which starts the servers and names a file that says where they are. What a server
refuses is refused, in its own words. There are no controllers: no release makes anything, a namespace stays.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.helm import RELEASE
from rehearsal.kubernetes import SEEN
from rehearsal.properties import Props
from rehearsal.provider import Provider
from rehearsal.resource_types import Request
from rehearsal.store import RefusedError
from tests.conformance.http_server import NotFoundError, Server
from tests.conformance.real_vault import Vault

FILE = "REAL_SERVERS"
"""The variable with the name of the file that has the servers' addresses."""
PATIENCE = 120
"""Seconds for a Job that somebody really runs."""
APPLY = {"fieldManager": "pulumi-kubernetes", "fieldValidation": "Strict"}
FORCE = "pulumi.com/patchForce"


class Kubernetes:
    """An API server. Objects of the API groups in `absent` are left out; `jobs` are run by somebody."""

    def __init__(self, *, token: str, absent: list[str], jobs: list[str], **where: str) -> None:
        self.server = Server(**where, Authorization=f"Bearer {token}")
        self.absent, self.jobs = absent, jobs
        self.paths: dict[tuple[str, str], str] = {}
        self.force = False

    def live(self, request: Request, stored: Props) -> Props | None:
        """What the server has of an object; of what is not kept there, what is `stored`."""
        found: Props | None = None
        with contextlib.suppress(NotFoundError):
            found = self.server.call("GET", self.path(request.inputs)) if self.mine(request) else stored
        return found

    def mine(self, request: Request) -> bool:
        return request.type != RELEASE and request.inputs["apiVersion"].partition("/")[0] not in self.absent

    def __call__(self, method: str, request: Request, config: Props) -> Props:
        manifest = {key: value for key, value in request.inputs.items() if not key.startswith("__")}
        if not self.mine(request):
            return {}
        self.force = str(config.get("enablePatchForce")).lower() == "true"
        path, patch = self.path(manifest), request.type.endswith("Patch")
        new = request.before is None and not patch
        if method == "try":
            if not (new and self.there(path)):  # it is going to be replaced
                self.dry_run(path, manifest)
        elif method == "delete":
            self.delete(path, manifest, patch=patch)
        elif new and self.there(path):
            raise RefusedError("409 Conflict", f"{path} already exists")
        else:
            self.apply(path, manifest)
            if path.rpartition("/namespaces/")[2] in self.jobs:
                return self.ended(path)
        return {}

    def apply(self, path: str, manifest: Props, **more: str) -> None:
        asked = manifest["metadata"].get("annotations", {}).get(FORCE) == "true"
        force = str(asked or self.force).lower()
        kind = {"Content-Type": "application/apply-patch+yaml"}
        self.server.call("PATCH", path, manifest, params=APPLY | {"force": force} | more, headers=kind)

    def dry_run(self, path: str, manifest: Props) -> None:
        """As the provider does in a preview; what has no namespace yet is not known better."""
        with contextlib.suppress(NotFoundError):
            self.apply(path, manifest, dryRun="All")

    def delete(self, path: str, manifest: Props, *, patch: bool) -> None:
        if patch:  # what others have there stays
            named = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            self.apply(path, {"apiVersion": "v1", "kind": manifest["kind"], "metadata": named})
        elif manifest["kind"] != "Namespace":
            self.server.call("DELETE", path, {"propagationPolicy": "Background"})

    def path(self, manifest: Props) -> str:
        """Where an object is; the server says how its kind is called there."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self.paths:
            for known in self.server.call("GET", root)["resources"]:
                if "/" not in known["name"]:
                    inside = "/namespaces/{namespace}" if known["namespaced"] else ""
                    self.paths[version, known["kind"]] = f"{root}{inside}/{known['name']}/{{name}}"
        return self.paths[version, kind].format_map(manifest["metadata"])

    def there(self, path: str) -> bool:
        with contextlib.suppress(NotFoundError):
            return bool(self.server.call("GET", path))
        return False

    def ended(self, path: str) -> Props:
        """What has become of a Job that is run."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            status: Props = self.server.call("GET", path)["status"]
            ends = {
                each["reason"] if each["type"] == "Failed" else each["type"]
                for each in status.get("conditions", [])
            }
            if {"Complete", *SEEN} & ends:  # the provider waits on after any other reason
                return {"status": status}
            time.sleep(0.2)
        raise RefusedError("Timeout", f"{path} has not ended")


SERVERS: dict[str, Any] = {"kubernetes": Kubernetes, "vault": Vault}


def connect(providers: Mapping[str, Provider]) -> None:
    """Put the servers of the file that `REAL_SERVERS` names behind the providers."""
    for name, where in json.loads(Path(os.environ[FILE]).read_text()).items():
        providers[name].real_server = SERVERS[name](**where)
