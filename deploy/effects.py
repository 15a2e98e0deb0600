"""What a change does to what runs. A change whose effect is not in this table gets no claim."""

import re
from collections.abc import Collection
from typing import NamedTuple


class Effect(NamedTuple):
    """The effect of an operation on properties of a type."""

    type: str
    """Expression for the type's token."""
    path: str
    """Expression for the beginning of a property's path."""
    text: str
    operation: str = "update"
    whole: bool = False
    """Whether it holds only if no other property changes."""


ONLY_TAGS, ONLY_LABELS = "only tags change", "only labels change"
RESTART = "pods restart one after another"
SERVER, POOLS = ".*:dbforpostgresql:Server", ".*:containerservice:(AgentPool|ManagedCluster)"
RELEASE = "kubernetes:helm.sh/v3:Release"
EFFECTS = (
    Effect(".*:containerservice:AgentPool", "", "all nodes of the pool are replaced", "replace"),
    Effect(".*:network:PublicIPAddress", "", "the public address changes", "replace"),
    Effect("random:.*:RandomPassword", "", "there is a new password", "replace"),
    # `az postgres flexible-server update` asks first, "in a way that requires a server restart"
    # (Azure/azure-cli#33178); learn.microsoft.com/azure/postgresql/scale/concepts-scaling-resources.
    Effect(SERVER, r"sku\b", "the database server restarts"),
    # learn.microsoft.com/azure/aks/upgrade-aks-cluster
    Effect(POOLS, "orchestratorVersion", "nodes are replaced one after another"),
    Effect(POOLS, "kubernetesVersion", "the control plane is upgraded"),
    # kubernetes.io/docs/concepts/workloads/controllers/deployment: a rollout follows the pod template alone
    Effect("kubernetes:apps/v1:(Deployment|StatefulSet|DaemonSet)", r"spec\.template", RESTART),
    # Our values put checksums on a chart's pods, so that they read a changed Secret or ConfigMap.
    Effect(RELEASE, r'values\..*\["checksum/', f"{RESTART} if their checksum changes"),
    Effect(RELEASE, "(version|chart)$", "Helm upgrades the chart, and pods that differ restart"),
    Effect("kubernetes:apps/v1:(Deployment|StatefulSet)", r"spec\.replicas", "the number of pods changes"),
    Effect("kubernetes:batch/v1:Job", "", "the Job runs again", "replace"),
    # …/azure/postgresql/backup-restore/concepts-backup-restore and …/flexible-server/concepts-maintenance
    Effect(SERVER, "(backup.backupRetentionDays|maintenanceWindow)", "the database server does not restart"),
    # learn.microsoft.com/azure/aks/cluster-autoscaler
    Effect(
        POOLS,
        r"(agentPoolProfiles\[\d+\]\.)?(minCount|maxCount)$",
        "the autoscaler of nodes gets other limits, and nodes do not restart",
    ),
    # values.yaml of the chart concourse: they are those of a HorizontalPodAutoscaler
    Effect(
        RELEASE,
        r"values\.concourse\.worker\.autoscaling\.(min|max)Replicas",
        "the autoscaler of workers gets other limits, and workers do not restart",
    ),
    # learn.microsoft.com/azure/aks/use-labels, …/aks/use-node-taints: existing nodes get them too
    Effect(POOLS, r"(nodeLabels|nodeTaints)\b", "existing nodes get the labels and taints without a restart"),
    # learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges
    Effect(
        POOLS,
        r"apiServerAccessProfile\.authorizedIPRanges",
        "other addresses may reach the API server, and nodes do not restart",
    ),
    # kubernetes.io/docs/concepts/services-networking/network-policies
    Effect(r"kubernetes:.*NetworkPolicy", "spec", "other connections are allowed, without a restart"),
    # doc.traefik.io/traefik/providers/kubernetes-crd: it watches the objects
    Effect("kubernetes:traefik.io/.*", "spec", "Traefik applies it at once, without a restart"),
    # kubernetes.io/docs/concepts/configuration/configmap: mounted ones are updated, environments are not
    Effect("kubernetes:core/v1:(ConfigMap|Secret)", "(data|binaryData)", "no pod restarts by this alone"),
    Effect("kubernetes:.*", r"metadata\.labels", ONLY_LABELS, whole=True),
    Effect("azure-native:.*", "tags", ONLY_TAGS, whole=True),
)
"""What disturbs most comes first."""
ORDER = {effect.text: number for number, effect in enumerate(EFFECTS)}


def effects(type_: str, operation: str, paths: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """The known effects, and whether the effect of every path is known."""
    if not paths and operation == "update":
        return (), False
    found: dict[str, None] = {}
    known: set[str] = set()
    for effect in EFFECTS:
        if effect.operation == operation and re.fullmatch(effect.type, type_):
            hit = {path for path in paths or [""] if re.match(effect.path, path)}
            if hit and not (effect.whole and hit != set(paths)):
                found[effect.text] = None
            known |= hit  # tags beside another property do nothing either
    return tuple(found), known == set(paths or [""])
