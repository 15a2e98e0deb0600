"""The ground that one stack is rehearsed on: simulated clouds, a scratch project, a state on disk.

A rehearsal changes nothing outside its own folder (`.rehearsal/<stack>` unless told otherwise).
"""

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import yaml
from pulumi.runtime.proto import provider_pb2_grpc

from components.given_secrets import GIVEN
from rehearsal import azure, generated, kubernetes
from rehearsal.cloud import Cloud
from rehearsal.provider import Provider

ROOT = Path(__file__).parent.parent
LARGEST = 400 * 1024 * 1024
"""Bytes of the largest message, as the engine's own limit."""
ANALYZER = """#!/bin/sh
# The pack's `virtualenv` option is for the language host; pulumi.policy would read it as -v.
for argument; do shift; case $argument in -virtualenv=*) ;; *) set -- "$@" "$argument" ;; esac; done
exec "{python}" -u -m pulumi.policy "$@"
"""


@dataclass(frozen=True)
class Ground:
    """What the driver needs to run the engine here, and what a test looks at."""

    work_dir: Path
    """A scratch project: copies of Pulumi.yaml and of the stack file's config."""
    environment: dict[str, str]
    cloud: Cloud
    providers: dict[str, Provider]


@contextlib.contextmanager
def ground(
    stack: str, *, home: Path | None = None, root: Path = ROOT, scale: float = 0.0
) -> Iterator[Ground]:
    """Serve the clouds of a rehearsed stack while the block runs; `scale` 1 is as slow as Azure."""
    home = home or root / ".rehearsal" / stack
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    cloud = Cloud(home / "cloud", scale=scale)
    config = scratch(stack, root, home / "project")
    preconditions(cloud, config)
    providers = clouds(cloud)
    with serving(providers) as ports:
        environment = {
            "PULUMI_BACKEND_URL": (home / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items()),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(home / "pulumi"),
            "PATH": os.pathsep.join(
                map(str, (analyzer(home), Path(sys.executable).parent, os.environ["PATH"]))
            ),
        }
        (home / "state").mkdir(exist_ok=True)
        yield Ground(home / "project", environment, cloud, providers)


def clouds(cloud: Cloud) -> dict[str, Provider]:
    """Each package's simulated provider."""

    def provider(package: str, sdk: str, kinds: dict[str, Any], **how: Any) -> Provider:
        return Provider(package, importlib.metadata.version(sdk), kinds, cloud, **how)

    return {
        "azure-native": provider(
            "azure-native", "pulumi-azure-native", azure.KINDS,
            invokes=azure.INVOKES, configure=azure.subscribed),
        "random": generated.Generator(
            "random", importlib.metadata.version("pulumi-random"), generated.KINDS, cloud),
        "kubernetes": provider(
            "kubernetes", "pulumi-kubernetes", kubernetes.KINDS,
            configure=kubernetes.reachable, replaced_by=kubernetes.another_cluster),
    }  # fmt: skip


def scratch(stack: str, root: Path, folder: Path) -> dict[str, Any]:
    """Copy the project, without its backend and with generated placeholders for its secrets."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    project = yaml.safe_load((root / "Pulumi.yaml").read_text())
    project.pop("backend", None)
    config: dict[str, Any] = yaml.safe_load((root / f"Pulumi.{stack}.yaml").read_text()).get("config") or {}
    for key, value in config.items():
        if isinstance(value, dict) and "secure" in value:
            config[key] = f"rehearsed-{key.rpartition(':')[2]}"
    config |= {f"{project['name']}:{key}": secret.example for key, secret in GIVEN.items()}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
    return config


def preconditions(cloud: Cloud, config: dict[str, Any]) -> None:
    """What must exist before the first `up` (README, preconditions), taken from the stack file."""
    place = config.get("platform:azure", {})
    given: dict[str, dict[str, Any]] = {f"/subscriptions/{place.get('subscriptionId')}": {}}
    groups = config.get("platform:cluster", {}).get("adminGroupObjectIds", [])
    given |= {f"/groups/{group}": {"displayName": "deployers"} for group in groups}
    names = config.get("platform:dns", {})
    if zone := names.get("zoneId") or names.get("parentZoneId"):
        parts = zone.split("/")
        given |= {"/".join(parts[:end]): {} for end in (3, 5, len(parts))}
    given["/caller"] = {
        "name": "deployer",
        "objectId": cloud.stable.guid("deployer"), "clientId": cloud.stable.guid("client"),
        "tenantId": place.get("tenantId"), "subscriptionId": place.get("subscriptionId"), "groups": groups,
        "roles": ["Contributor", "Role Based Access Control Administrator"],
    }  # fmt: skip
    for id_, inputs in given.items():
        if cloud.get(id_) is None:
            cloud.put(id_, "given", inputs, {})


def analyzer(home: Path) -> Path:
    """A folder for PATH with the command that the engine runs a Python policy pack by."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "pulumi-analyzer-policy-python"
    script.write_text(ANALYZER.format(python=sys.executable))
    script.chmod(0o755)
    return folder


@contextlib.contextmanager
def serving(providers: dict[str, Provider]) -> Iterator[dict[str, int]]:
    """Serve each provider on a loopback port of its own, from one thread.

    (grpc's aio server: the engine takes the threaded one for not started.)
    """
    loop = asyncio.new_event_loop()
    servers, ports = [], {}

    async def start() -> None:
        for name, servicer in providers.items():
            limits = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]
            server = grpc.aio.server(options=limits)
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
            ports[name] = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            servers.append(server)

    thread = threading.Thread(target=loop.run_forever, name="clouds", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield ports
    finally:
        for server in servers:
            asyncio.run_coroutine_threadsafe(server.stop(0), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
