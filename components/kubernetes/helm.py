"""How the platform installs a Helm chart."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.component import after
from components.kubernetes.charts import Chart

T = TypeVar("T")


def release(  # noqa: PLR0913 (named, and each an input)
    name: str,
    chart: Chart,
    *,
    namespace: Input[str],
    values: Mapping[str, Any],
    opts: ResourceOptions,
    timeout: int = 600,
    skip_await: bool = False,
) -> "k8s.helm.v3.Release":
    """Install `chart` as `name`, and wait `timeout` seconds at most until its pods are ready.

    With `skip_await` nobody waits: for pods that cannot be ready yet, or that take hours to go. A release
    that fails stays as it is and is tried again: rolling back a migrated database, or half of a stateful
    set, does harm.
    """
    return k8s.helm.v3.Release(
        name,
        name=name,
        chart=chart.name,
        version=chart.version,
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=chart.repository),
        namespace=namespace,
        values=values,
        # Without it Helm keeps values that are no longer given, and Pulumi then shows them as they are.
        reset_values=True,
        allow_null_values=True,  # by which a chart's own limit of CPU is taken away
        max_history=5,  # each is a Secret of up to 1 MiB
        timeout=timeout,
        skip_await=skip_await,
        opts=opts,
    )


def ready(chart: "k8s.helm.v3.Release", value: Input[T]) -> Output[T]:
    """`value`, handed on once `chart` is up: dependants wait, and previews still know it.

    Keyed on `name`: `status` is unknown in the preview of every update.
    """
    return after(value, chart.name)
