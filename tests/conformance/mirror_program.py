"""Two releases of a mirror's charts, deployed by the real engine and the real Kubernetes provider.

    python -m tests.conformance.mirror_program PROJECT preview|up|destroy KUBECONFIG VERSION

Prints the operations by resource as JSON. PROJECT has `.charts`; VERSION is that of the chart vault.
"""

import json
import sys
from pathlib import Path

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, ResourceOptions
from pulumi import automation as auto

from components.kubernetes.charts import CHARTS
from components.kubernetes.helm import release


def main(project: str, action: str, kubeconfig: str, version: str) -> None:
    def program() -> None:
        provider = kubernetes.Provider("kubernetes", kubeconfig=kubeconfig, cluster_identifier="mirror")
        parent = ComponentResource("test:index:Test", "test", opts=ResourceOptions(providers=[provider]))
        for name, wanted in (("grafana", CHARTS["grafana"].version), ("vault", version)):
            chart = CHARTS[name]._replace(version=wanted, mirrored=True)
            options = ResourceOptions(parent=parent)
            release(name, chart, namespace="default", values={"a": 1}, opts=options)

    workspace = auto.LocalWorkspaceOptions(
        work_dir=project,
        env_vars={
            "PULUMI_BACKEND_URL": (Path(project) / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_HOME": f"{project}/home",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
    )
    # As a stack of the driver has it: its folder is the provider's.
    (Path(project) / "Pulumi.yaml").write_text("name: mirror\nruntime: python\n")
    (Path(project) / "state").mkdir(exist_ok=True)
    stack = auto.create_or_select_stack("test", project_name="mirror", program=program, opts=workspace)
    done: dict[str, str] = {}

    def seen(event: auto.EngineEvent) -> None:
        if event.resource_pre_event:
            step = event.resource_pre_event.metadata
            if step.type.startswith("kubernetes:"):
                done[step.urn.rpartition("::")[2]] = str(getattr(step.op, "value", step.op))

    getattr(stack, action)(on_event=seen, on_output=sys.stderr.write)
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
