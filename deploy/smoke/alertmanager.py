"""Alertmanager of a cluster, through the API server's proxy, with the caller's own Entra login."""

import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import yaml

from components.monitoring import PROMETHEUS_RELEASE
from deploy.render import SECRET

SERVICE = f"/api/v1/namespaces/monitoring/services/http:{PROMETHEUS_RELEASE}-alertmanager:9093/proxy"


def plain(value: Any) -> Any:
    """A value of the exported state, which has a secret's plain text beside its mark."""
    return json.loads(value["plaintext"]) if isinstance(value, Mapping) and SECRET in value else value


@dataclass(frozen=True)
class Cluster:
    """How to reach a cluster's API server, from its kubeconfig."""

    server: str
    ca_pem: str
    login: tuple[str, ...]
    """The command that prints a token: kubelogin."""
    environment: Mapping[str, str]


def cluster_of(resources: list[dict[str, Any]]) -> Cluster | None:
    """The cluster of a stack's Kubernetes provider."""
    for found in resources:
        if found["type"] == "pulumi:providers:kubernetes":
            config = yaml.safe_load(str(plain(found["inputs"]["kubeconfig"])))
            cluster, login = config["clusters"][0]["cluster"], config["users"][0]["user"]["exec"]
            return Cluster(
                server=cluster["server"].rstrip("/"),
                ca_pem=base64.b64decode(cluster["certificate-authority-data"]).decode(),
                login=(login["command"], *login.get("args", ())),
                environment={each["name"]: each["value"] for each in login.get("env") or []},
            )
    return None


class Alertmanager:
    """Alertmanager's API, until a time of the monotonic clock."""

    def __init__(self, cluster: Cluster, until: float) -> None:
        self.cluster, self.until = cluster, until
        done = subprocess.run(
            cluster.login,
            env={**os.environ, **cluster.environment},
            capture_output=True,
            timeout=30,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"{cluster.login[0]} returned no token: {done.stderr.decode().strip()[-200:]}")
        self.token = json.loads(done.stdout)["status"]["token"]

    def _request(self, method: str, body: object = None) -> Any:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as ca_file:
            ca_file.write(self.cluster.ca_pem)
            ca_file.flush()
            answer = requests.request(
                method, f"{self.cluster.server}{SERVICE}/api/v2/alerts", json=body, verify=ca_file.name,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=max(0.1, min(15, self.until - time.monotonic())),
            )  # fmt: skip
        if not answer.ok:
            raise ValueError(f"Alertmanager answers {answer.status_code}: {answer.text[:200]}")
        return answer.json() if answer.content else None

    def post(self, name: str, text: str) -> None:
        """Raise an alert that resolves after five minutes."""
        now = datetime.now(UTC)
        self._request("POST", [{
            "labels": {"alertname": name, "severity": "warning"},
            "annotations": {"summary": text},
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(minutes=5)).isoformat(),
        }])  # fmt: skip

    def alerts(self, name: str) -> list[Any]:
        """The alerts with this name."""
        return [each for each in self._request("GET") if each["labels"]["alertname"] == name]
