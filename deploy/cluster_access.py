"""Access to a stack's cluster with the kubeconfig in its state, and Helm's records there."""

import base64
import contextlib
import gzip
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from deploy.render import plain


class LoginError(Exception):
    """The kubeconfig's command returned no token."""


class Access(NamedTuple):
    """How to ask an API server."""

    server: str
    """Its URL, without a slash at the end."""
    ca: str
    """File with the certificate of its CA."""
    token: str
    """The caller's own token."""


def kubeconfig(resources: Iterable[Mapping[str, Any]]) -> str:
    """The kubeconfig in a stack's state, which gets its token from kubelogin; empty without a cluster."""
    found = (r["inputs"].get("kubeconfig") for r in resources if r["type"] == "pulumi:providers:kubernetes")
    return str(plain(next(found, None)) or "")


@contextlib.contextmanager
def api_server(kubeconfig: str) -> Iterator[Access]:
    """Access to the API server of a kubeconfig. Raises LoginError."""
    config = yaml.safe_load(kubeconfig)
    cluster, token = config["clusters"][0]["cluster"], _token(config["users"][0]["user"]["exec"])
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca:
        ca.write(base64.b64decode(cluster["certificate-authority-data"]))
        ca.flush()
        yield Access(cluster["server"].rstrip("/"), ca.name, token)


def _token(login: Mapping[str, Any]) -> str:
    environment = os.environ | {each["name"]: each["value"] for each in login.get("env") or ()}
    command = [login["command"], *login.get("args", ())]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise LoginError(f"{command[0]} returned no token in {late.timeout:.0f} s") from None
    if done.returncode:
        raise LoginError(f"{command[0]} returned no token: {done.stderr.strip()[-200:]}")
    return str(json.loads(done.stdout)["status"]["token"])


def helm_record(secret: Mapping[str, Any]) -> dict[str, Any]:
    """Helm's record of a release, from the Secret in which Helm keeps it."""
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    record: dict[str, Any] = json.loads(gzip.decompress(packed))
    return record
