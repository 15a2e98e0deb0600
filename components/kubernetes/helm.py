"""Helm releases."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.component import after
from components.kubernetes.charts import Chart

T = TypeVar("T")


def release(
    name: str,
    chart: Chart,
    *,
    namespace: Input[str],
    values: Mapping[str, Any],
    opts: ResourceOptions,
    timeout: int = 600,
    skip_await: bool = False,
    skip_crds: bool = False,
) -> "k8s.helm.v3.Release":
    """Install `chart` as `name`, and wait at most `timeout` seconds until its pods are ready.

    `skip_await` is for pods that cannot be ready yet, or that take hours to terminate. `skip_crds` is for a
    chart with a folder `crds/`, which Helm never upgrades: chart_crds.py does. A failed release is
    not rolled back: that would harm a migrated database, or a half-updated StatefulSet. The next update
    tries again.
    """
    return k8s.helm.v3.Release(
        name,
        name=name,
        chart=chart.reference,
        version=chart.version,
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=chart.repository)
        if chart.reference == chart.name
        else None,
        namespace=namespace,
        values=values,
        # Without it Helm keeps values that the program no longer sets, and Pulumi does not show it.
        reset_values=True,
        max_history=5,  # each is a Secret of up to 1 MiB
        timeout=timeout,
        skip_await=skip_await,
        skip_crds=skip_crds or None,
        opts=opts,
    )


def ready(chart: "k8s.helm.v3.Release", value: Input[T]) -> Output[T]:
    """`value`, resolved once the release is installed. It stays known in the preview of an update.

    It depends on the release's `name`: `status` is unknown in the preview of every update.
    """
    return after(value, chart.name)
