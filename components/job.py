"""Jobs that run a script of ours in the cluster, once for each change of it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from components.charts import PYTHON

SCRIPTS = Path(__file__).parent / "files" / "jobs"
REFUSED = 42
"""The scripts' exit code for: trying again does not help."""
USER = 65534
CLOSED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the pod security level `restricted` asks for."""


def python_job(  # noqa: PLR0913 (named, and each an input)
    name: str,
    *,
    namespace: Input[str],
    scripts: Sequence[str],
    environment: Mapping[str, Input[str]],
    secrets: Input[str],
    stamp: Input[str],
    ca: Input[str] | None = None,
    parent: Resource,
    account: Input[str] | None = None,
    labels: Mapping[str, str] | None = None,
    texts: Mapping[str, Input[str]] | None = None,
    minutes: int = 15,
) -> Output[str]:
    """Run the first of `scripts`, beside the others and `texts`; the Job's name, known once it is done.

    The Secret `secrets` is in /secrets, the ConfigMap `ca` in /ca. It runs again, replaced whole, when
    anything given changes; what changes in the Secret shows only in `stamp`.
    """
    files: dict[str, Input[str]] = {
        script: (SCRIPTS / script).read_text(encoding="utf-8") for script in scripts
    }
    files |= texts or {}
    scripts_map = k8s.core.v1.ConfigMap(
        name,
        metadata={"name": name, "namespace": namespace},
        data=files,
        opts=ResourceOptions(parent=parent),
    )
    # A ConfigMap is changed in place, and a Job does not notice.
    seen = Output.all(**files).apply(
        lambda known: hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()[:16]
    )
    volumes = [
        {"name": "scripts", "configMap": {"name": scripts_map.metadata.name}},
        {"name": "secrets", "secret": {"secretName": secrets, "defaultMode": 0o440}},
        *([{"name": "ca", "configMap": {"name": ca}}] if ca is not None else []),
    ]
    container = {
        "name": "script",
        "image": str(PYTHON),
        "command": ["python", "-B", "-u", f"/scripts/{scripts[0]}"],
        "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
        "volumeMounts": [
            {"name": volume["name"], "mountPath": f"/{volume['name']}", "readOnly": True}
            for volume in volumes
        ],
        "securityContext": CLOSED,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
    job = k8s.batch.v1.Job(
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
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "script", "operator": "In", "values": [REFUSED]},
                    }
                ]
            },
            "activeDeadlineSeconds": minutes * 60,  # Pulumi's own limit starts anew at every event
            "template": {
                "metadata": {
                    "labels": {"app.kubernetes.io/name": name, **(labels or {})},
                    "annotations": {"platform/scripts": seen, "platform/stamp": stamp},
                },
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": account is not None,
                    **({"serviceAccountName": account} if account is not None else {}),
                    "securityContext": POD,
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
        opts=ResourceOptions(parent=parent),
    )
    called: Output[str] = job.metadata.name
    return called


def stamp_of(*secrets: Output[str]) -> Output[str]:
    """What tells that one of these changed. They are long and random: nobody guesses them by it."""
    joined = Output.all(*secrets).apply(lambda texts: hashlib.sha256(repr(texts).encode()).hexdigest()[:16])
    return Output.unsecret(joined)
