"""Custom resources."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi_kubernetes as k8s
from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions


def custom_resource(
    name: str,
    kind: str,
    *,
    api_version: str,
    spec: Mapping[str, Any],
    parent: Resource,
    resource_name: Input[str] | None = None,
    namespace: Input[str] | None = None,
    ready_within: int = 0,
) -> Output[str]:
    """Name of a custom resource, which is `resource_name` or `name`; known once the resource exists.

    With `ready_within` it is known once the condition Ready holds, and the update fails after so many
    minutes. The CRD has to exist: pass a `resource_name` or `namespace` that resolves after its release.
    """
    timeout = f"{ready_within}m"
    made = k8s.apiextensions.CustomResource(
        name,
        api_version=api_version,
        kind=kind,
        metadata={
            "name": resource_name if resource_name is not None else name,
            **({"namespace": namespace} if namespace is not None else {}),
            **({"annotations": {"pulumi.com/waitFor": "condition=Ready"}} if ready_within else {}),
        },
        spec=spec,
        opts=ResourceOptions(
            parent=parent,
            custom_timeouts=CustomTimeouts(create=timeout, update=timeout) if ready_within else None,
        ),
    )
    known_name: Output[str] = cast("Any", made).metadata["name"]
    return known_name
