"""Asks what runs in a cluster, through the API server, as who runs this is known to Entra."""

import base64
import json
import os
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml

from components.monitoring.prometheus_values import NAME
from deploy.render import SECRET

SERVICE = f"/api/v1/namespaces/monitoring/services/http:{NAME}-alertmanager:9093/proxy"


def plain(value: Any) -> Any:
    """A value of the exported state, where secrets lie open beside their mark."""
    return json.loads(value["plaintext"]) if isinstance(value, Mapping) and SECRET in value else value


@dataclass(frozen=True)
class Cluster:
    """Where a cluster is asked, and how one gets a token for it."""

    server: str
    authority: str
    """PEM."""
    login: tuple[str, ...]
    """The command that the kubeconfig names: kubelogin."""
    environment: Mapping[str, str]


def of(resources: list[dict[str, Any]]) -> Cluster | None:
    """The cluster of a stack's Kubernetes provider."""
    for found in resources:
        if found["type"] == "pulumi:providers:kubernetes":
            config = yaml.safe_load(str(plain(found["inputs"]["kubeconfig"])))
            cluster, login = config["clusters"][0]["cluster"], config["users"][0]["user"]["exec"]
            named = {each["name"]: each["value"] for each in login.get("env") or []}
            return Cluster(
                server=cluster["server"],
                authority=base64.b64decode(cluster["certificate-authority-data"]).decode(),
                login=(login["command"], *login.get("args", ())),
                environment={**os.environ, **named},
            )
    return None


class Alertmanager:
    """Reached through the API server."""

    def __init__(self, cluster: Cluster, until: float) -> None:
        self.cluster, self.until = cluster, until
        done = subprocess.run(
            cluster.login, env=dict(cluster.environment), capture_output=True, timeout=30, check=False
        )
        if done.returncode:
            raise ValueError(f"{cluster.login[0]} gave no token: {done.stderr.decode().strip()[-200:]}")
        self.token = json.loads(done.stdout)["status"]["token"]

    def _ask(self, path: str, body: object = None) -> Any:
        request = Request(  # noqa: S310 the API server's address, of the kubeconfig
            self.cluster.server.rstrip("/") + SERVICE + path,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        secure = request.type == "https"
        context = ssl.create_default_context(cadata=self.cluster.authority) if secure else None
        left = max(self.until - time.monotonic(), 0.1)
        try:
            with urlopen(request, timeout=min(15, left), context=context) as answer:  # noqa: S310 as above
                said = answer.read()
        except HTTPError as failed:
            raise ValueError(f"{path} answers {failed.code}: {failed.read()[:200].decode()}") from None
        return json.loads(said) if said else None

    def post(self, name: str, text: str) -> None:
        """Raise an alert that ends by itself."""
        now = datetime.now(UTC)
        alert = {
            "labels": {"alertname": name, "severity": "warning"},
            "annotations": {"summary": text},
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(minutes=5)).isoformat(),
        }
        self._ask("/api/v2/alerts", [alert])

    def alerts(self, name: str) -> list[Any]:
        """Those of a name that it has."""
        return [each for each in self._ask("/api/v2/alerts") if each["labels"]["alertname"] == name]
