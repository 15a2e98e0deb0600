"""Objects of the kinds that charts bring with them."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi_kubernetes as k8s
from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions


def custom_resource(  # noqa: PLR0913 (named, and each an input)
    name: str,
    kind: str,
    *,
    api_version: str,
    spec: Mapping[str, Any],
    parent: Resource,
    called: Input[str] | None = None,
    namespace: Input[str] | None = None,
    wait_for: str = "",
    minutes: int = 10,
) -> Output[str]:
    """Name of an object: `called`, or else as the resource. Known once it exists, and is as `wait_for` says.

    The kind has to exist by then: `called` or `namespace` is one that its release hands on. `wait_for` is
    what Pulumi's annotation takes, such as `condition=Ready`, and fails after so many `minutes`.
    """
    made = k8s.apiextensions.CustomResource(
        name,
        api_version=api_version,
        kind=kind,
        metadata={
            "name": called if called is not None else name,
            **({"namespace": namespace} if namespace is not None else {}),
            **({"annotations": {"pulumi.com/waitFor": wait_for}} if wait_for else {}),
        },
        spec=spec,
        opts=ResourceOptions(
            parent=parent,
            custom_timeouts=CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m") if wait_for else None,
        ),
    )
    named: Output[str] = cast("Any", made).metadata["name"]
    return named
