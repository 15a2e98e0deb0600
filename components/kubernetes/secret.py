"""Secrets of the cluster."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions


def secret(
    name: str, data: Mapping[str, Input[str]], *, namespace: Input[str], parent: Resource
) -> Output[str]:
    """Name of a Secret with `data`; known once it exists."""
    made = k8s.core.v1.Secret(
        name,
        metadata={"name": name, "namespace": namespace},
        string_data=data or None,  # with an empty one, every preview of the provider shows a change
        opts=ResourceOptions(parent=parent),
    )
    secret_name: Output[str] = made.metadata.name
    return secret_name
