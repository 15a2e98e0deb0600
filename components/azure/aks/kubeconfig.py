"""The kubeconfig that the platform is deployed with: it holds no secret, a deployer logs in."""

import base64
import json
from typing import Any

import pulumi_azure_native as az
import yaml
from pulumi import InvokeOptions, Output, Resource

from components.azure.catalog import arm_segment

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of every AKS API server, which a token has to be for."""


def kubeconfig_of(cluster: Output[str], parent: Resource) -> Output[str]:
    """A kubeconfig for the cluster of an id.

    Asked of Azure by the names in the id, and not made from the cluster's outputs: those are not
    known in the preview of an update, where everything in the cluster would show as changed.
    """
    # The SDK does not mark as secret what with local accounts would be one.
    given = az.containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=cluster.apply(lambda id_: arm_segment(id_, "resourceGroups")),
        resource_name=cluster.apply(lambda id_: arm_segment(id_, "managedClusters")),
        format="exec",
        opts=InvokeOptions(parent=parent),  # and with it the provider
    )
    secret: Output[str] = Output.secret(given.apply(lambda answer: answer.kubeconfigs[0].value))
    return secret.apply(exec_kubeconfig)


def exec_kubeconfig(given: str) -> str:
    """The kubeconfig for the cluster of one that Azure gave (base64), with kubelogin as the way in.

    Azure's own asks for a device code. Ours logs in as AAD_LOGIN_METHOD says: azurecli for a
    person, spn or workloadidentity for a pipeline.
    """
    cluster = yaml.safe_load(base64.b64decode(given))["clusters"][0]["cluster"]
    server = {key: cluster[key] for key in ("server", "certificate-authority-data")}
    login: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubelogin",
        "args": ["get-token", "--server-id", AKS_SERVER],
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": False,
        "installHint": "kubelogin is needed on PATH: https://azure.github.io/kubelogin",
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "platform", "cluster": server}],
        "users": [{"name": "deployer", "user": {"exec": login}}],
        "contexts": [{"name": "platform", "context": {"cluster": "platform", "user": "deployer"}}],
        "current-context": "platform",
    }
    return json.dumps(config, sort_keys=True)
