"""Jobs that run a script of ours in the cluster, once for each change of it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.kubernetes.charts import PYTHON

CALLS = Path(__file__).parent / "jobs" / "calls.py"
"""HTTP calls with retries and without secrets in their messages: what every script imports."""
REFUSED = 42
"""The scripts' exit code for: trying again does not help."""
USER = 65534
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def job(  # noqa: PLR0913 (named, and each an input)
    name: str,
    *,
    namespace: Input[str],
    container: Mapping[str, object],
    volumes: Sequence[Mapping[str, object]],
    stamps: Mapping[str, Input[str]],
    labels: Mapping[str, str],
    user: int = USER,
    account: Input[str] | None = None,
    minutes: int,
    parent: Resource,
) -> Output[str]:
    """Run a container that may be run twice; the Job's name, known once it is done.

    Each volume is in the folder of its name. It is as closed as the pod security level `restricted` wants
    it, and runs again, replaced whole, when a stamp changes: a Job does not notice that what it reads did.
    """
    mounts = [
        {"name": volume["name"], "mountPath": f"/{volume['name']}", "readOnly": True} for volume in volumes
    ]
    refused = {"containerName": container["name"], "operator": "In", "values": [REFUSED]}
    made = k8s.batch.v1.Job(
        name,
        metadata={
            "name": name,
            "namespace": namespace,
            "annotations": {
                "pulumi.com/timeoutSeconds": str((minutes + 1) * 60),
                "pulumi.com/replaceUnready": "true",  # else one that failed is never run again
            },
        },
        spec={
            "backoffLimit": 6,
            "podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": refused}]},
            "activeDeadlineSeconds": minutes * 60,  # Pulumi's own limit starts anew at every event
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {f"platform/{key}": stamp for key, stamp in stamps.items()},
                },
                "spec": {
                    "restartPolicy": "Never",
                    "enableServiceLinks": False,
                    "automountServiceAccountToken": account is not None,
                    **({"serviceAccountName": account} if account is not None else {}),
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": user,
                        "runAsGroup": user,
                        "fsGroup": user,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {**container, "volumeMounts": mounts, "securityContext": RESTRICTED_CONTAINER}
                    ],
                    "volumes": volumes,
                },
            },
        },
        opts=ResourceOptions(parent=parent),
    )
    called: Output[str] = made.metadata.name
    return called


def python_job(  # noqa: PLR0913 (named, and each an input)
    name: str,
    *,
    namespace: Input[str],
    script: Path,
    modules: Sequence[Path] = (CALLS,),
    environment: Mapping[str, Input[str]],
    secrets: Input[str],
    stamp: Input[str],
    ca: Input[str] | None = None,
    parent: Resource,
    account: Input[str] | None = None,
    labels: Mapping[str, str] | None = None,
    extra_files: Mapping[str, Input[str]] | None = None,
    minutes: int = 15,
) -> Output[str]:
    """Run `script`, beside `modules` and `extra_files`; the Job's name, known once it is done.

    The Secret `secrets` is in /secrets, the ConfigMap `ca` in /ca. It runs again, replaced whole, when
    anything given changes; what changes in the Secret shows only in `stamp`.
    """
    files: dict[str, Input[str]] = {
        file.name: file.read_text(encoding="utf-8") for file in (script, *modules)
    }
    files |= extra_files or {}
    scripts_map = k8s.core.v1.ConfigMap(
        name,
        metadata={"name": name, "namespace": namespace},
        data=files,
        opts=ResourceOptions(parent=parent),
    )
    volumes = [
        {"name": "scripts", "configMap": {"name": scripts_map.metadata.name}},
        {"name": "secrets", "secret": {"secretName": secrets, "defaultMode": 0o440}},
        *([{"name": "ca", "configMap": {"name": ca}}] if ca is not None else []),
    ]
    container = {
        "name": "script",
        "image": str(PYTHON),
        "command": ["python", "-B", "-u", f"/scripts/{script.name}"],
        "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
    seen = Output.all(**files).apply(lambda known: _digest(sorted(known.items())))
    return job(
        name,
        namespace=namespace,
        container=container,
        volumes=volumes,
        stamps={"scripts": seen, "stamp": stamp},
        labels={"app.kubernetes.io/name": name, **(labels or {})},
        account=account,
        minutes=minutes,
        parent=parent,
    )


def checksum(*texts: Input[str]) -> Output[str]:
    """What tells that one of these changed. The secret ones are too long and random to be guessed by it."""
    return Output.unsecret(Output.all(*texts).apply(_digest))


def _digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()
