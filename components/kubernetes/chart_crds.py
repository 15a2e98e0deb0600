"""CRDs in a chart's `crds/`. Helm installs them once and never upgrades them (helm.sh/docs/topics/charts)."""

import base64
from collections.abc import Sequence
from pathlib import Path

from pulumi import Input, Output, Resource

from components.kubernetes.accounts import allow_in_cluster, service_account
from components.kubernetes.chart_lock import PROJECT
from components.kubernetes.charts import Chart
from components.kubernetes.job import python_job

SCRIPT = Path(__file__).parent / "jobs" / "chart_crds.py"


def apply_crds(
    name: str, chart: Chart, crds: Sequence[str], *, namespace: Input[str], parent: Resource
) -> Output[str]:
    """Apply `crds` of `chart` by a Job, again with each version. The Job's name, known once it is done.

    `crds` are all the chart's CRDs of their groups: the Job refuses a chart with others. It may change no
    other CRD. A chart from a mirror goes to the Job as a file: the cluster has no login to the mirror.
    """
    package = PROJECT / chart.reference
    mirrored = chart.mirrored and package.exists()
    rule = {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"]}
    # Server-side apply of what does not exist yet needs `create`, here limited to names too.
    account = allow_in_cluster(
        name,
        service_account(name, namespace=namespace, parent=parent),
        [{**rule, "resourceNames": list(crds), "verbs": ["create", "patch"]}],
        namespace=namespace,
        parent=parent,
    )
    return python_job(
        name,
        namespace=namespace,
        script=SCRIPT,
        environment={
            "REPOSITORY": chart.repository,
            "CHART": chart.name,
            "VERSION": chart.version,
            "CRDS": " ".join(crds),
            "GROUPS": " ".join(sorted({crd.partition(".")[2] for crd in crds})),
        },
        account=account,
        extra_files={"chart.tgz.base64": base64.b64encode(package.read_bytes()).decode()}
        if mirrored
        else None,
        parent=parent,
    )
