"""The kubeconfig for deployments. It contains no secret; deployers log in with kubelogin."""

import base64
import json
from typing import Any

import pulumi_azure_native as az
import yaml
from pulumi import InvokeOptions, Output, Resource

from components.azure.arm_id import ArmId

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Entra application ID of all AKS API servers, the required audience of tokens."""


def kubeconfig_of(cluster: Output[str], *, public_fqdn: bool = False, parent: Resource) -> Output[str]:
    """The kubeconfig for a cluster, by the cluster's ID. `public_fqdn` asks for a private one's public name.

    The names come from the ID (see ArmId). Otherwise everything in the cluster would show as changed.
    """
    # The SDK does not mark the result as secret, although it would be with local accounts.
    credentials = az.containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=ArmId(cluster).resource_group,
        resource_name=ArmId(cluster).name,
        format="exec",
        server_fqdn="public" if public_fqdn else None,
        opts=InvokeOptions(parent=parent),  # also inherits the provider
    )
    secret: Output[str] = Output.secret(credentials.apply(lambda found: found.kubeconfigs[0].value))
    return secret.apply(exec_kubeconfig)


def exec_kubeconfig(kubeconfig: str) -> str:
    """Convert a kubeconfig from Azure (base64) into one that logs in with kubelogin.

    Azure's version prompts for a device code. This one uses the method in AAD_LOGIN_METHOD: azurecli
    for operators, spn or workloadidentity for pipelines.
    """
    cluster = yaml.safe_load(base64.b64decode(kubeconfig))["clusters"][0]["cluster"]
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
