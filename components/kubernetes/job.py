"""Jobs that run a script in the cluster, and run it again after each change."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.kubernetes.charts import PYTHON_IMAGE

CALLS = Path(__file__).parent / "jobs" / "calls.py"
"""HTTP calls with retries and without secrets in their messages. Every script imports it."""
USER = 65534
STARTING = 5
"""Minutes of a Job's limit for its pod to start: a new node, the image. The rest is the script's patience."""
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_template(
    container: Mapping[str, object],
    volumes: Sequence[Mapping[str, object]],
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, Input[str]] | None = None,
    account: Input[str] | None = None,
    api_token: bool = False,
    user: int = USER,
) -> dict[str, Any]:
    """A pod that runs one container to its end, within the pod security level `restricted`.

    Each volume is mounted read-only at `/<its name>`. `api_token` is whether it gets a token of `account`
    for the API server.
    """
    mounts = [
        {"name": volume["name"], "mountPath": f"/{volume['name']}", "readOnly": True} for volume in volumes
    ]
    return {
        "metadata": {"labels": labels, **({"annotations": annotations} if annotations else {})},
        "spec": {
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "automountServiceAccountToken": api_token,
            **({"serviceAccountName": account} if account is not None else {}),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    **container,
                    "volumeMounts": mounts,
                    "securityContext": RESTRICTED_CONTAINER,
                    # Pulumi shows a failed pod's termination message: the last lines that the script said.
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                }
            ],
            "volumes": volumes,
        },
    }


def job(
    name: str, *, namespace: Input[str], pod: Mapping[str, Any], minutes: int, parent: Resource
) -> Output[str]:
    """Run a pod whose container is safe to run twice. The Job's name, known once it is done.

    A failed container fails the Job at once, with what it said last in Pulumi's error; a pod that lost its
    node is made again. Retries are the container's own. The kubernetes provider sees a failure by the reasons
    BackoffLimitExceeded and DeadlineExceeded alone (provider/pkg/await/checker/job): after any other, such as
    that of a rule FailJob, it waits out its timeout.

    The Job is replaced, so it runs again, when `pod` changes. It does not notice changes in the Secrets and
    ConfigMaps that the pod mounts: put their checksums into the pod's annotations.
    """
    lost_its_node = [{"type": "DisruptionTarget", "status": "True"}]
    made = k8s.batch.v1.Job(
        name,
        metadata={
            "name": name,
            "namespace": namespace,
            "annotations": {
                "pulumi.com/timeoutSeconds": str((minutes + 1) * 60),
                "pulumi.com/replaceUnready": "true",  # else a failed Job never runs again
            },
        },
        spec={
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": lost_its_node}]},
            "activeDeadlineSeconds": minutes * 60,  # Pulumi's own limit starts anew at every event
            "template": pod,
        },
        opts=ResourceOptions(parent=parent),
    )
    job_name: Output[str] = made.metadata.name
    return job_name


def python_job(  # noqa: PLR0913 (named, and each an input)
    name: str,
    *,
    namespace: Input[str],
    script: Path,
    modules: Sequence[Path] = (CALLS,),
    environment: Mapping[str, Input[str]],
    secrets: Input[str] | None = None,
    checksum: Input[str] | None = None,
    ca: Input[str] | None = None,
    parent: Resource,
    account: Input[str] | None = None,
    labels: Mapping[str, str] | None = None,
    extra_files: Mapping[str, Input[str]] | None = None,
    minutes: int = 15,
) -> Output[str]:
    """Run `script`, with `modules` and `extra_files` in its folder. The Job's name, known once it is done.

    The Secret `secrets` is mounted at /secrets, the ConfigMap `ca` at /ca. With `account` the pod gets a
    token for the API server. The Job runs again when an argument changes; `checksum` is that of the
    Secret's content.
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
        *(
            [{"name": "secrets", "secret": {"secretName": secrets, "defaultMode": 0o440}}]
            if secrets is not None
            else []
        ),
        *([{"name": "ca", "configMap": {"name": ca}}] if ca is not None else []),
    ]
    container = {
        "name": "script",
        "image": str(PYTHON_IMAGE),
        "command": ["python", "-B", "-u", f"/scripts/{script.name}"],
        "env": [
            {"name": key, "value": value}
            for key, value in sorted(
                {**environment, "PATIENCE_SECONDS": str((minutes - STARTING) * 60)}.items()
            )
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
    scripts = Output.all(**files).apply(lambda known: _digest(sorted(known.items())))
    pod = pod_template(
        container,
        volumes,
        labels={"app.kubernetes.io/name": name, **(labels or {})},
        annotations={
            "checksum/scripts": scripts,
            **({"checksum/secrets": checksum} if checksum is not None else {}),
        },
        account=account,
        api_token=account is not None,
    )
    return job(name, namespace=namespace, pod=pod, minutes=minutes, parent=parent)


def checksum(*texts: Input[str]) -> Output[str]:
    """A checksum that changes with any of `texts`. Not secret: pass no guessable secrets."""
    return Output.unsecret(Output.all(*texts).apply(_digest))


def _digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()
