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
    for spec in (spec for path in TEMPLATES for spec in find(request.inputs, path)):
        for problem in invalid(spec):
            request.refuse("Invalid", problem)
        pod_security(request, spec)
        for base, kind, field, keys, code in NAMES:
            for found in find(spec, base) if base else (spec,):
                if found.get(field) and not found.get("optional"):
                    require(request, kind, found[field], list(find(found, keys)) if keys else [], code)


def require(request: Request, kind: str, name: str, keys: list[str], code: str) -> None:
    """The object exists, with the given keys."""
    if not exists(request, kind, name):
        refuse_missing(request, code, kind, name)
    inputs = (get(request, kind, name) or {}).get("inputs", {})
    for key in keys:
        if key not in {**(inputs.get("data") or {}), **(inputs.get("binaryData") or {})}:
            refuse_missing(request, code, kind, name, f"has no key {key}")


def containers(spec: Props) -> list[Props]:
    return [container for of in CONTAINERS for container in spec.get(of) or []]


def invalid(spec: Props) -> Iterator[str]:
    """What the API server's validation refuses in a pod."""
    volumes = set(find(spec, "volumes.*.name"))
    for container in containers(spec):
        for name in find(container, "volumeMounts.*.name"):
            if name not in volumes:
                yield f'volumeMounts.name: Not found: "{name}"'
        own = container.get("securityContext") or {}
        if own.get("privileged") and own.get("allowPrivilegeEscalation") is False:
            yield "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"


# Pod security: https://kubernetes.io/docs/concepts/security/pod-security-standards/

LEVEL = "pod-security.kubernetes.io/enforce"
CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
VOLUMES = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
           "secret"}  # fmt: skip
BOTH = ("baseline", "restricted")
SECURITY: tuple[tuple[tuple[str, ...], str, str, Callable[[list[Any]], bool]], ...] = (
    # levels, path in the pod's spec or in each container, violation, whether the level forbids the values
    (BOTH, "hostNetwork", "host namespaces", any),
    (BOTH, "hostPID", "host namespaces", any),
    (BOTH, "hostIPC", "host namespaces", any),
    (BOTH, "securityContext.privileged", "privileged", any),
    (BOTH, "securityContext.capabilities.add.*", "non-default capabilities", lambda found: bool({*found} - CAPABILITIES)),
    (BOTH, "ports.*.hostPort", "hostPort", any),
    (BOTH, "securityContext.seccompProfile.type", "seccompProfile", lambda found: "Unconfined" in found),
    (("baseline",), "volumes.*.hostPath", "hostPath volumes", any),
    (("restricted",), "volumes.*", "restricted volume types", lambda found: any({*volume} - VOLUMES for volume in found)),
    (("restricted",), "securityContext.allowPrivilegeEscalation", "allowPrivilegeEscalation != false",
     lambda found: found != [False]),
    (("restricted",), "securityContext.capabilities.drop.*", "unrestricted capabilities", lambda found: "ALL" not in found),
    (("restricted",), "securityContext.capabilities.add.*", "unrestricted capabilities",
     lambda found: bool({*found} - {"NET_BIND_SERVICE"})),
    (("restricted",), "securityContext.runAsNonRoot", "runAsNonRoot != true", lambda found: found != [True]),
    (("restricted",), "securityContext.runAsUser", "runAsUser=0", lambda found: 0 in found),
    (("restricted",), "securityContext.seccompProfile.type", "seccompProfile", lambda found: not found),
)  # fmt: skip
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
    for _, path, violation, forbidden in (row for row in SECURITY if level in row[0]):
        if path.partition(".")[0] in OF_POD:
            if forbidden(list(find(spec, path))):
                yield violation
            continue
        for container in containers(spec):
            context = (spec.get("securityContext") or {}) | (container.get("securityContext") or {})
            if forbidden(list(find({**container, "securityContext": context}, path))):
                yield f"{violation} (container {container['name']})"
