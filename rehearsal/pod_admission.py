"""What a pod template needs before its pods can start, and what its namespace lets it do."""

from collections.abc import Iterator
from typing import Any

from rehearsal.cluster_objects import exists, get, refuse_missing
from rehearsal.properties import Props, find
from rehearsal.resource_types import Request

TEMPLATES = ("spec.template.spec", "spec.jobTemplate.spec.template.spec")
CONTAINERS = ("containers", "initContainers")
NAMES = (
    # path in a pod's spec, kind, field with the name, field with the key(s), what happens without it
    ("", "ServiceAccount", "serviceAccountName", "", "FailedCreate"),
    ("", "PriorityClass", "priorityClassName", "", "FailedCreate"),
    ("imagePullSecrets.*", "Secret", "name", "", "ErrImagePull"),
    ("volumes.*.secret", "Secret", "secretName", "items.*.key", "FailedMount"),
    ("volumes.*.configMap", "ConfigMap", "name", "items.*.key", "FailedMount"),
    ("volumes.*.projected.sources.*.secret", "Secret", "name", "items.*.key", "FailedMount"),
    ("volumes.*.projected.sources.*.configMap", "ConfigMap", "name", "items.*.key", "FailedMount"),
    ("volumes.*.persistentVolumeClaim", "PersistentVolumeClaim", "claimName", "", "FailedScheduling"),
    *(
        (f"{of}.*.{path}", kind, "name", key, "CreateContainerConfigError")
        for of in CONTAINERS
        for path, kind, key in (
            ("envFrom.*.secretRef", "Secret", ""),
            ("envFrom.*.configMapRef", "ConfigMap", ""),
            ("env.*.valueFrom.secretKeyRef", "Secret", "key"),
            ("env.*.valueFrom.configMapKeyRef", "ConfigMap", "key"),
        )
    ),
)


def pods_can_start(request: Request) -> None:
    for path in TEMPLATES:
        for spec in find(request.inputs, path):
            allowed(request, spec)
            for base, kind, field, keys, code in NAMES:
                for found in find(spec, base) if base else (spec,):
                    if found.get(field) and not found.get("optional"):
                        require(request, kind, found[field], list(find(found, keys)) if keys else [], code)
            mounted(request, spec)
            contradicted(request, spec)
    for class_ in find(request.inputs, "spec.volumeClaimTemplates.*.spec.storageClassName"):
        require(request, "StorageClass", class_, [], "ProvisioningFailed")


def require(request: Request, kind: str, name: str, keys: list[str], code: str) -> None:
    """An object exists, with the keys that are named of it."""
    if not exists(request, kind, name):
        refuse_missing(request, code, kind, name)
    found = get(request, kind, name)
    for key in keys if found else ():
        inputs = found["inputs"] if found else {}
        if key not in {**(inputs.get("data") or {}), **(inputs.get("binaryData") or {})}:
            refuse_missing(request, code, kind, name, f"has no key {key}")


def mounted(request: Request, spec: Props) -> None:
    volumes = set(find(spec, "volumes.*.name"))
    volumes |= set(find(request.inputs, "spec.volumeClaimTemplates.*.metadata.name"))
    for of in CONTAINERS:
        for name in find(spec, f"{of}.*.volumeMounts.*.name"):
            if name not in volumes:
                request.refuse("Invalid", f'volumeMounts.name: Not found: "{name}"')


def contradicted(request: Request, spec: Props) -> None:
    for of in CONTAINERS:
        for own in find(spec, f"{of}.*.securityContext"):
            if own.get("privileged") and own.get("allowPrivilegeEscalation") is False:
                request.refuse(
                    "Invalid", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
                )


# Pod security: https://kubernetes.io/docs/concepts/security/pod-security-standards/

LEVEL = "pod-security.kubernetes.io/enforce"
CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
VOLUMES = {
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP = ("RuntimeDefault", "Localhost")


def allowed(request: Request, spec: Props) -> None:
    namespace = get(request, "Namespace", request.get("metadata.namespace"))
    labels = namespace["inputs"]["metadata"].get("labels") or {} if namespace else {}
    level = labels.get(LEVEL, "privileged")
    found = [] if level == "privileged" else list(dict.fromkeys(violations(level, spec)))
    if found:
        name = request.get("metadata.name")
        request.refuse(
            "Forbidden",
            f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": {", ".join(found)}',
        )


def violations(level: str, spec: Props) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    containers = [c for of in CONTAINERS for c in spec.get(of) or []]
    contexts = [(c["name"], c.get("securityContext") or {}, c) for c in containers]
    yield from ("host namespaces" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key))
    if level == "baseline":  # the other level says it in its own way
        yield from ("hostPath volumes" for _ in find(spec, "volumes.*.hostPath"))
    for name, own, container in contexts:
        if own.get("privileged"):
            yield f"privileged (container {name})"
        if set(find(own, "capabilities.add.*")) - CAPABILITIES:
            yield f"non-default capabilities (container {name})"
        if any(find(container, "ports.*.hostPort")):
            yield f"hostPort (container {name})"
    for of in (pod, *(own for _, own, _ in contexts)):
        if next(find(of, "seccompProfile.type"), None) == "Unconfined":
            yield "seccompProfile"
    if level == "restricted":
        yield from restricted(spec, pod, contexts)


def restricted(spec: Props, pod: Props, contexts: list[tuple[str, Props, Any]]) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        if set(volume) - VOLUMES:
            yield f"restricted volume types ({volume['name']})"
    for name, own, _ in contexts:
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"allowPrivilegeEscalation != false (container {name})"
        if "ALL" not in find(own, "capabilities.drop.*") or set(find(own, "capabilities.add.*")) - {
            "NET_BIND_SERVICE"
        }:
            yield f"unrestricted capabilities (container {name} must set capabilities.drop=[ALL])"
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            yield f"runAsNonRoot != true (pod or container {name})"
        if own.get("runAsUser", pod.get("runAsUser")) == 0:
            yield f"runAsUser=0 (container {name})"
        if (
            next(find(own, "seccompProfile.type"), next(find(pod, "seccompProfile.type"), None))
            not in SECCOMP
        ):
            yield f"seccompProfile (pod or container {name})"
