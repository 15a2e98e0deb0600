"""What a cluster's API server knows, and how the kubernetes provider comes to it."""

from typing import Any

import yaml

from rehearsal.cloud import Cloud
from rehearsal.kinds import Kind, Props, RefusedError, unknown

KINDS: dict[str, Kind] = {}


def server(kubeconfig: Any) -> str:
    config = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    return str(config["clusters"][0]["cluster"]["server"])


def reachable(cloud: Cloud, config: Props) -> None:
    """The kubeconfig leads to a cluster that exists and lets the caller in."""
    if not config.get("kubeconfig"):
        raise RefusedError("NoKubeconfig", "a provider without a kubeconfig would use the caller's own")
    address = server(config["kubeconfig"])
    caller = cloud.get("/caller")
    for cluster in cloud.all("azure-native:containerservice:ManagedCluster"):
        if cluster["outputs"]["fqdn"] in address:
            admins = cluster["inputs"].get("aadProfile", {}).get("adminGroupObjectIDs", [])
            if caller and not set(admins) & set(caller["inputs"]["groups"]):
                raise RefusedError("Forbidden", f"{caller['inputs']['name']} is in none of {admins}")
            return
    raise RefusedError("Unreachable", f"configured Kubernetes cluster is unreachable: {address}")


def another_cluster(old: Props, new: Props) -> bool:
    """Whether the real provider takes a changed configuration for another cluster, and replaces all in it."""
    if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
        return old.get("clusterIdentifier") != new.get("clusterIdentifier")
    if unknown(new.get("kubeconfig")):
        return True
    return server(old["kubeconfig"]) != server(new["kubeconfig"])
