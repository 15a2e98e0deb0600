"""Access to a stack's cluster: the kubeconfig in its state, a person's own, and Helm's records there."""

import base64
import contextlib
import gzip
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deploy.render import plain
from deploy.stack_file import RefusedError

INSTALL = {
    "az": "https://learn.microsoft.com/cli/azure/install-azure-cli",
    "kubelogin": "az aks install-cli",
}
"""Where the tools of `context_commands` come from."""


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


def context_commands(stack: str, resources: Iterable[Mapping[str, Any]], file: Path) -> list[list[str]]:
    """The commands that add a stack's cluster to a kubeconfig file, as context `platform-STACK`.

    The file has no secret: local accounts are disabled, and people log in as members of an administrators'
    group. `--overwrite-existing` replaces an older context of this name.
    """
    found = next((r for r in resources if r["type"] == "azure-native:containerservice:ManagedCluster"), None)
    if not found:
        raise RefusedError(f"{stack} has no cluster: it is not deployed")
    _, _, subscription, _, group, *_, name = found["id"].split("/")
    access = found["inputs"].get("apiServerAccessProfile") or {}
    context = f"platform-{stack}"
    get = ["az", "aks", "get-credentials", "--subscription", subscription, "--resource-group", group]
    get += ["--name", name, "--context", context, "--file", str(file), "--overwrite-existing"]
    if access.get("enablePrivateCluster") and access.get("enablePrivateClusterPublicFQDN"):
        get.append("--public-fqdn")  # the private name is known only within the network
    login = ["kubelogin", "convert-kubeconfig", "--login", "azurecli", "--context", context]
    return [get, [*login, "--kubeconfig", str(file)]]


def add_context(commands: Iterable[list[str]]) -> None:
    """Run the commands of `context_commands`, each of which needs the one before."""
    commands = list(commands)
    for program in [command[0] for command in commands if not shutil.which(command[0])]:
        raise RefusedError(f"{program} is not on PATH; install it: {INSTALL[program]}")
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}", 1)


@contextlib.contextmanager
def api_server(kubeconfig: str) -> Iterator[Access]:
    """Access to the API server of a kubeconfig. Raises LoginError."""
    config = yaml.safe_load(kubeconfig)
    cluster, token = config["clusters"][0]["cluster"], _token(config["users"][0]["user"]["exec"])
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca:
        ca.write(base64.b64decode(cluster["certificate-authority-data"]))
        ca.flush()
        yield Access(cluster["server"].rstrip("/"), ca.name, token)


def azure_token(kubeconfig: str, server: str) -> str:
    """The caller's own token for another server of Azure, by the same login. Raises LoginError."""
    login = yaml.safe_load(kubeconfig)["users"][0]["user"]["exec"]
    return _token(login, "--server-id", server)  # the last one counts


def _token(login: Mapping[str, Any], *more: str) -> str:
    environment = os.environ | {each["name"]: each["value"] for each in login.get("env") or ()}
    command = [login["command"], *login.get("args", ()), *more]
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
