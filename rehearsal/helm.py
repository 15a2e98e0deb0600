"""Helm releases: the objects that they need, and the CRDs that they install."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.kubernetes.charts import CHARTS, FOLDER, name_of
from components.kubernetes.fixed_values import changed_fixed_values
from rehearsal.cluster_objects import cluster_and_namespace
from rehearsal.pod_admission import require
from rehearsal.properties import Props, find
from rehearsal.resource_types import Request, ResourceType, rule

RELEASE, JOB = "kubernetes:helm.sh/v3:Release", "kubernetes:batch/v1:Job"
CRDS = {
    # chart: (value that enables its CRDs, its default, API groups)
    "cert-manager": ("crds.enabled", False, ("cert-manager.io", "acme.cert-manager.io")),
    "eck-operator": ("installCRDs", True, ("elasticsearch.k8s.elastic.co", "kibana.k8s.elastic.co")),
    "kube-prometheus-stack": ("crds.enabled", True, ("monitoring.coreos.com",)),
    "prometheus-operator-crds": ("", True, ("monitoring.coreos.com",)),
}
SECRET_KEYS = {
    "existingSecret", "existingSecretName", "credentialsSecret", "envFromSecret", "secretName", "existingCaSecret",
    "configSecretName", "tlsSecretName",
}  # fmt: skip
REFS = {
    "secretRef": "Secret", "secretKeyRef": "Secret", "configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap",
}  # fmt: skip
CLASSES = {"storageClass", "storageClassName"}

MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
"""What Kubernetes changes in a StatefulSet's spec (kubernetes, pkg/apis/apps/validation/validation.go)."""
FORBIDDEN = (
    "Forbidden: updates to statefulset spec for fields other than "
    + ", ".join(f"'{field}'" for field in MUTABLE[:-1])
    + f" and '{MUTABLE[-1]}' are forbidden"
)


def chart_of(inputs: Props) -> str:
    return name_of(str(inputs["chart"]), str(inputs.get("version")))


def missing_file(request: Request) -> str:
    """The file of a chart from a mirror, if it is known that Helm would not find it.

    Only in a checkout that has charts from the mirror: a rehearsal needs none.
    """
    chart = Path(str(request.inputs["chart"]))
    here = Path(FOLDER).is_dir() and chart.parent == Path(FOLDER)
    return str(chart) if here and not chart.exists() else ""


def is_pending(request: Request) -> bool:
    found = request.store.get(request.id)
    return bool(found and found["outputs"]["status"]["status"].startswith("pending"))


def objects_exist(request: Request) -> None:
    """The objects that a chart's values refer to exist. Without them Helm waits for the pods in vain."""
    values = request.inputs.get("values") or {}
    for kind, name, keys in named_objects(values):
        require(request, kind, name, keys, "ReleaseNotReady")
    if chart_of(request.inputs) == "concourse":
        for secret, keys in concourse_secrets(request.inputs["name"], values):
            require(request, "Secret", secret, keys, "ReleaseNotReady")


def fixed_values(request: Request) -> Iterator[str]:
    """Changed values that reach a part of a StatefulSet that Kubernetes never changes."""
    if request.before:
        old, new = (side.get("values") for side in (request.before, request.inputs))
        yield from changed_fixed_values(chart_of(request.inputs), old, new)


def named_objects(values: Any) -> Iterator[tuple[str, str, list[str]]]:
    """The objects that a chart's values refer to: (kind, name, keys)."""
    if isinstance(values, list):
        for item in values:
            yield from named_objects(item)
    if not isinstance(values, dict) or values.get("enabled") is False or values.get("optional"):
        return
    for key, value in values.items():
        if key in SECRET_KEYS and value and isinstance(value, str):
            yield "Secret", value, [str(values["secretKey"])] if values.get("secretKey") else []
        elif key in REFS and isinstance(value, dict) and value.get("name") and not value.get("optional"):
            yield REFS[key], str(value["name"]), [str(value["key"])] if value.get("key") else []
        elif key in CLASSES and value and isinstance(value, str) and value != "-":
            yield "StorageClass", value, []
        elif key == "serviceAccount" and isinstance(value, dict) and value.get("create") is False:
            yield from (("ServiceAccount", str(name), []) for name in find(value, "name"))
        else:
            yield from named_objects(value)


def concourse_secrets(name: str, values: Props) -> Iterator[tuple[str, list[str]]]:
    """The Secrets that the Concourse chart reads. Its templates fix their names."""
    if next(find(values, "secrets.create"), True):
        return
    base = values.get("fullnameOverride") or name
    if next(find(values, "web.enabled"), True):
        keys = [keys for path, wanted, keys in WEB_KEYS if wanted(next(find(values, path), None))]
        yield f"{base}-web", [*itertools.chain(*keys)]
    if next(find(values, "worker.enabled"), True):
        yield f"{base}-worker", ["host-key-pub", "worker-key"]


WEB_KEYS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("concourse", lambda _: True, ("host-key", "session-signing-key", "worker-key-pub")),
    ("concourse.web.localAuth.enabled", lambda v: v is not False, ("local-users",)),
    ("postgresql.enabled", lambda v: v is False, ("postgresql-user", "postgresql-password")),
    ("concourse.web.postgres.sslmode", lambda v: v not in (None, "disable"), ("postgresql-ca-cert",)),
    ("concourse.web.encryption.enabled", bool, ("encryption-key",)),
    ("secrets.oldEncryptionKey", bool, ("old-encryption-key",)),
    ("concourse.web.auth.oidc.enabled", bool, ("oidc-client-id", "oidc-client-secret")),
    ("concourse.web.vault.useCaCert", bool, ("vault-ca-cert",)),
    ("concourse.web.vault.useAuthParam", bool, ("vault-client-auth-param",)),
)
"""(value, whether it requires the keys, keys of the web nodes' Secret)."""


def crds(request: Request) -> set[str]:
    """API groups of the CRDs in the cluster."""
    found = {"cilium.io"}  # AKS with Cilium has its CRDs
    root = cluster_and_namespace(request.id)[0]
    for release in (o for o in request.store.all(RELEASE) if o["id"].startswith(root + "/")):
        switch, default, groups = CRDS.get(chart_of(release["inputs"]), ("", False, ()))
        if next(find(release["inputs"].get("values"), switch), default):
            found |= set(groups)
    for job in (o for o in request.store.all(JOB) if o["id"].startswith(root + "/")):
        for variable in find(job["inputs"], "spec.template.spec.containers.*.env.*"):
            if variable["name"] == "CRDS":  # components/kubernetes/chart_crds.py
                found |= {crd.partition(".")[2] for crd in variable["value"].split()}
    return found


def release_outputs(request: Request) -> Props:
    found = request.store.get(request.id)
    status = {
        "status": request.store.fault(request.id) or "deployed",
        "revision": found["outputs"]["status"]["revision"] + 1 if found else 1,
        **{key: request.inputs.get(key) for key in ("name", "namespace", "version")},
    }
    return {"status": status, "resourceNames": {}}


def release_unready(request: Request) -> str:
    found = request.store.get(request.id)
    status = found["outputs"]["status"]["status"] if found else "deployed"
    return "" if status == "deployed" else f"Helm release {request.name!r} was not deployed: {status}"


def release() -> ResourceType:
    return ResourceType(
        id="{namespace}/{name}", role="", seconds=60, outputs=release_outputs, unready=release_unready,
        checks=(
            rule("OperationInProgress", "another operation (install/upgrade/rollback) is in progress", is_pending),
            rule("ChartNotFound", 'chart "{}" not found in repository',
                 lambda r: chart_of(r.inputs) not in CHARTS and chart_of(r.inputs)),
            rule("ChartNotFound", 'path "{}" not found; check the chart name and repository configuration',
                 missing_file),
            objects_exist,
            rule("StatefulSetInvalid", f"{{}}: cannot patch with kind StatefulSet: spec: {FORBIDDEN}; "
                 "see docs/runbooks/grow-a-disk.md", fixed_values),
        ),
        replaces=("name", "namespace"), stable=("name", "namespace"),
        unknown_in_preview=("status", "resourceNames"), required=("name", "namespace"),
    )  # fmt: skip
