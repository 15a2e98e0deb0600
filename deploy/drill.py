"""The restore drill: the newest backup into a throw-away server, a known pipeline read, everything deleted.

The throw-away things are one resource group with one PostgreSQL server, and one Job in the cluster, as only
the cluster reaches a private database. All are named `drill-STACK-` and the time. Nothing else is deleted.
"""

import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from components.azure.postgres.maintenance_window import API_VERSION, RESOURCE_MANAGER
from components.settings import Settings
from deploy.cluster_access import Access, api_server, azure_token, kubeconfig
from deploy.maintenance import SERVER, window
from deploy.render import plain
from deploy.smoke import PIPELINE
from deploy.stack_file import RefusedError

TAG = "platform-drill"
"""Tag of a resource group that a drill made; its value is the stack."""
GROUPS_API = "2021-04-01"
AGO = timedelta(minutes=15)
"""How far back the drill restores: Azure archives the log about every five minutes
(learn.microsoft.com/azure/postgresql/flexible-server/concepts-backup-restore)."""
LEFT = timedelta(hours=4)
"""Age of a throw-away group that no running drill can own: the job's time limit is shorter."""
PAUSE = 20
"""Seconds between two questions."""
RESTORE, READ, DELETE = 120 * 60, 12 * 60, 30 * 60
"""Longest seconds of each part. A restore takes minutes to hours, by the size and the log."""
JOBS = "/apis/batch/v1/namespaces/concourse/jobs"
QUERY = f"""select j.config, j.nonce, (select max(start_time) from builds)
 from jobs j join pipelines p on p.id = j.pipeline_id where p.name = '{PIPELINE}' limit 1"""  # noqa: S608
SCRIPT = f"""for attempt in 1 2 3 4 5 6 7 8 9 10; do
  psql -X -q -A -t -v ON_ERROR_STOP=1 -c "GRANT \\"$ROLE\\" TO CURRENT_USER" -c "SET ROLE \\"$ROLE\\"" \\
    -c "{QUERY}" && exit
  sleep 15
done
exit 1
"""
"""New names take a while to resolve. The server is thrown away, so the grant is too."""


def own(name: str, stack: str) -> str:
    """The name, if it is that of a throw-away of this stack. Raises RefusedError for any other."""
    if not re.fullmatch(rf"drill-{re.escape(stack)}-\d{{12}}", name):
        raise RefusedError(f"{name!r} is no throw-away of a drill of {stack}; nothing was deleted")
    return name


class Drill:
    """One drill of a stack."""

    def __init__(
        self,
        stack: str,
        settings: Settings,
        resources: list[dict[str, Any]],
        *,
        say: Callable[[str], None] = print,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`resources` are those of the stack's state, with secrets."""
        if settings.database.existing:
            raise RefusedError(
                f"{stack} has its database on a server that somebody else runs: its owner tries its backups"
            )
        servers = [each for each in resources if each["type"] == SERVER]
        if not servers:
            raise RefusedError(f"{stack} has no database server: it is not deployed")
        self.stack, self.say, self.sleep = stack, say, sleep
        self.source, self.address = str(servers[-1]["id"]), window(servers).server
        self.subscription = "/".join(self.source.split("/")[:3])
        self.kubeconfig = kubeconfig(resources)
        self.keys = [
            str(plain(each["outputs"]["result"])).encode()
            for each in resources
            if ":RandomPassword::concourse-encryption-" in each["urn"]
        ]
        self.now = datetime.now(UTC)
        self.name = own(f"drill-{stack}-{self.now:%Y%m%d%H%M}", stack)
        self.group = f"{self.subscription}/resourceGroups/{self.name}"
        self.server = f"{self.group}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{self.name}"

    def run(self) -> None:
        """Restore, read, delete. The throw-away things go after a failure too, and after SIGTERM."""
        with terminable():
            self.sweep()
            try:
                self.restore()
                with api_server(self.kubeconfig) as cluster:  # its token is an hour old at most
                    self.read(cluster)
            finally:
                self.forget()

    def sweep(self) -> None:
        """Delete what a killed drill has left."""
        query = f"$filter=tagName eq '{TAG}' and tagValue eq '{self.stack}'"
        found = self.azure("GET", f"{self.subscription}/resourcegroups", GROUPS_API, query=query).json()
        for group in found["value"]:
            made = datetime.strptime(own(group["name"], self.stack)[-12:], "%Y%m%d%H%M").replace(tzinfo=UTC)
            if self.now - made > LEFT:
                self.delete(group["name"])
                self.say(f"deleted {group['name']}, which an earlier drill has left")

    def restore(self) -> None:
        """A server with the data of some minutes ago, in the network of the real one."""
        source = self.azure("GET", self.source).json()
        tags = source.get("tags") or {}
        place = {"location": source["location"], "tags": tags | {TAG: self.stack}}
        self.azure("PUT", self.group, GROUPS_API, json=place)
        at = f"{self.now - AGO:%Y-%m-%dT%H:%M:%SZ}"
        network = {k: v for k, v in (source["properties"].get("network") or {}).items() if v}
        properties = {
            "createMode": "PointInTimeRestore",
            "sourceServerResourceId": self.source,
            "pointInTimeUTC": at,
            "network": network,
        }
        self.azure("PUT", self.server, json=place | {"properties": properties})
        seconds = self.until(
            lambda: self.azure("GET", self.server).json()["properties"]["state"] == "Ready", RESTORE
        )
        if not network.get("delegatedSubnetResourceId"):
            for rule in self.azure("GET", f"{self.source}/firewallRules").json()["value"]:
                path = f"{self.server}/firewallRules/{rule['name']}"
                self.azure("PUT", path, json={"properties": rule["properties"]})
        self.say(
            f"restored {self.source.rpartition('/')[2]} to {at} as {self.name} in {seconds / 60:.0f} min"
        )

    def read(self, cluster: Access) -> None:
        """Read a known pipeline by a Job like the one that makes the role, and decrypt it here."""
        role = ask(cluster, "GET", f"{JOBS}/database-role").json()
        ask(cluster, "POST", JOBS, json=job(self.name, role["spec"]["template"]["spec"]))
        try:
            seconds = self.until(lambda: self.finished(cluster), READ)
            row = self.log(cluster).strip()
        finally:
            with_pod = {"propagationPolicy": "Background"}
            ask(cluster, "DELETE", f"{JOBS}/{own(self.name, self.stack)}", missing=True, params=with_pod)
        if row.count("|") != 2:  # noqa: PLR2004 the columns of QUERY
            raise RefusedError(
                f"the restored database has no pipeline {PIPELINE}; "
                f"`python -m deploy smoke {self.stack}` sets it",
                1,
            )
        text, nonce, newest = row.split("|")
        if not any(opens(key, text, nonce) for key in self.keys):
            raise RefusedError(
                f"no encryption key of {self.stack} opens the pipeline {PIPELINE} of the restored database: "
                "docs/runbooks/encryption-key.md",
                1,
            )
        self.say(
            f"read the pipeline {PIPELINE} and decrypted it in {seconds / 60:.0f} min; "
            f"the newest build is of {newest}"
        )

    def finished(self, cluster: Access) -> bool:
        status = ask(cluster, "GET", f"{JOBS}/{self.name}").json().get("status", {})
        if status.get("failed"):
            raise RefusedError(
                f"the restored database could not be read: {self.log(cluster).strip()[-300:]}", 1
            )
        return bool(status.get("succeeded"))

    def log(self, cluster: Access) -> str:
        pods = "/api/v1/namespaces/concourse/pods"
        found = ask(cluster, "GET", pods, params={"labelSelector": f"job-name={self.name}"}).json()["items"]
        return ask(cluster, "GET", f"{pods}/{found[0]['metadata']['name']}/log").text if found else ""

    def forget(self) -> None:
        """Delete the group, and wait until Azure has."""
        self.delete(self.name)
        seconds = self.until(self.gone, DELETE)
        self.say(f"deleted {self.name} in {seconds / 60:.0f} min")

    def gone(self) -> bool:
        answer = self.azure("GET", self.group, GROUPS_API, missing=True)
        return bool(answer.status_code == NOT_FOUND)

    def delete(self, name: str) -> None:
        """Delete a throw-away resource group, which both its name and its tag must say it is."""
        path = f"{self.subscription}/resourceGroups/{own(name, self.stack)}"
        found = self.azure("GET", path, GROUPS_API, missing=True)
        if found.status_code == NOT_FOUND:
            return
        if (found.json().get("tags") or {}).get(TAG) != self.stack:
            raise RefusedError(
                f"the resource group {name} has no tag {TAG}={self.stack}; nothing was deleted"
            )
        self.azure("DELETE", path, GROUPS_API)

    def azure(
        self,
        method: str,
        path: str,
        version: str = API_VERSION,
        *,
        query: str = "",
        missing: bool = False,
        **how: Any,
    ) -> requests.Response:
        """Ask the Resource Manager with the caller's own token, a new one each time: a restore takes long."""
        token = azure_token(self.kubeconfig, RESOURCE_MANAGER)
        url = f"{self.address}{path}?api-version={version}{'&' + query if query else ''}"
        answer = requests.request(
            method, url, headers={"Authorization": f"Bearer {token}"}, timeout=60, **how
        )
        return accepted(answer, f"{method} {path}", missing=missing)

    def until(self, done: Callable[[], bool], limit: float) -> float:
        """Ask again and again. The seconds that it took; RefusedError after `limit`."""
        for asked in range(int(limit // PAUSE)):
            if done():
                return asked * PAUSE
            self.sleep(PAUSE)
        raise RefusedError(f"{self.name} was not done within {limit / 60:.0f} minutes", 1)


NOT_FOUND = requests.codes.not_found


def ask(cluster: Access, method: str, path: str, *, missing: bool = False, **how: Any) -> requests.Response:
    """Ask the cluster's API server."""
    headers = {"Authorization": f"Bearer {cluster.token}"}
    answer = requests.request(
        method, cluster.server + path, headers=headers, verify=cluster.ca, timeout=60, **how
    )
    return accepted(answer, f"{method} {path}", missing=missing)


def accepted(answer: requests.Response, asked: str, *, missing: bool) -> requests.Response:
    if answer.ok or (missing and answer.status_code == NOT_FOUND):
        return answer
    raise RefusedError(f"{asked} answers {answer.status_code}: {answer.text.strip()[:300]}", 1)


def job(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A Job with the pod of the role's Job, its login and its image, but for the server and the command."""
    pod = json.loads(json.dumps(spec))
    [container] = pod["containers"]
    container["command"] = ["sh", "-c", SCRIPT]
    for each in container["env"]:
        if each["name"] == "PGHOST":
            each["value"] = f"{name}.postgres.database.azure.com"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {TAG: "yes"}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": READ,
            "ttlSecondsAfterFinished": 3600,
            "template": {"metadata": {"labels": {"app": "database-role"}}, "spec": pod},
        },
    }


def opens(key: bytes, text: str, nonce: str) -> bool:
    """Whether a key decrypts what Concourse wrote (atc/db/encryption/encryption_key.go)."""
    try:
        AESGCM(key).decrypt(bytes.fromhex(nonce), bytes.fromhex(text), None)
    except (InvalidTag, ValueError):
        return False
    return True


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM, with which Concourse ends a build, ends the block as an exception does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
