"""The objects that a pod template refers to, and the pod security level of its namespace."""

from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.cluster_objects import exists, get, refuse_missing
from rehearsal.properties import Props, find
from rehearsal.resource_types import Request

TEMPLATES = ("spec.template.spec", "spec.jobTemplate.spec.template.spec")
CONTAINERS = ("containers", "initContainers")
NAMES = (
    # path in a pod's spec, kind, field with the name, field with the key(s), error without it
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
            pod_security(request, spec)
            for base, kind, field, keys, code in NAMES:
                for found in find(spec, base) if base else (spec,):
                    if found.get(field) and not found.get("optional"):
                        require(request, kind, found[field], list(find(found, keys)) if keys else [], code)
            mounted(request, spec)
            contradicted(request, spec)
    for class_ in find(request.inputs, "spec.volumeClaimTemplates.*.spec.storageClassName"):
        require(request, "StorageClass", class_, [], "ProvisioningFailed")


def require(request: Request, kind: str, name: str, keys: list[str], code: str) -> None:
    """The object exists, with the given keys."""
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
VOLUMES = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
           "secret"}  # fmt: skip
BASELINE: tuple[tuple[str, str, Callable[[list[Any]], bool]], ...] = (
    # (path in the pod's spec or in each container, violation, whether the values are allowed)
    ("hostNetwork", "host namespaces", lambda found: not any(found)),
    ("hostPID", "host namespaces", lambda found: not any(found)),
    ("hostIPC", "host namespaces", lambda found: not any(found)),
    ("securityContext.privileged", "privileged", lambda found: not any(found)),
    (
        "securityContext.capabilities.add.*",
        "non-default capabilities",
        lambda found: set(found) <= CAPABILITIES,
    ),
    ("ports.*.hostPort", "hostPort", lambda found: not found),
    ("securityContext.seccompProfile.type", "seccompProfile", lambda found: "Unconfined" not in found),
)
LEVELS = {
    "privileged": (),
    "baseline": (*BASELINE, ("volumes.*.hostPath", "hostPath volumes", lambda found: not found)),
    "restricted": (
        *BASELINE,
        ("volumes.*", "restricted volume types", lambda found: all(set(volume) <= VOLUMES for volume in found)),
        ("securityContext.allowPrivilegeEscalation", "allowPrivilegeEscalation != false", lambda found: found == [False]),
        ("securityContext.capabilities.drop.*", "unrestricted capabilities", lambda found: "ALL" in found),
        ("securityContext.capabilities.add.*", "unrestricted capabilities",
         lambda found: set(found) <= {"NET_BIND_SERVICE"}),
        ("securityContext.runAsNonRoot", "runAsNonRoot != true", lambda found: found == [True]),
        ("securityContext.runAsUser", "runAsUser=0", lambda found: 0 not in found),
        ("securityContext.seccompProfile.type", "seccompProfile",
         lambda found: bool(found) and found[0] in ("RuntimeDefault", "Localhost")),
    ),
}  # fmt: skip
OF_POD = {"hostNetwork", "hostPID", "hostIPC", "volumes"}


def pod_security(request: Request, spec: Props) -> None:
    """The namespace's level allows the pod."""
    namespace = get(request, "Namespace", request.get("metadata.namespace"))
    labels = namespace["inputs"]["metadata"].get("labels") or {} if namespace else {}
    level = labels.get(LEVEL, "privileged")
    if found := list(dict.fromkeys(violations(level, spec))):
        name = request.get("metadata.name")
        text = f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": {", ".join(found)}'
        request.refuse("Forbidden", text)


def violations(level: str, spec: Props) -> Iterator[str]:
    """What the level forbids. A container inherits the pod's security context."""
    containers = [container for of in CONTAINERS for container in spec.get(of) or []]
    for path, violation, allowed in LEVELS[level]:
        if path.partition(".")[0] in OF_POD:
            if not allowed(list(find(spec, path))):
                yield violation
            continue
        for container in containers:
            context = (spec.get("securityContext") or {}) | (container.get("securityContext") or {})
            if not allowed(list(find({**container, "securityContext": context}, path))):
                yield f"{violation} (container {container['name']})"
