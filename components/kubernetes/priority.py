"""The priority of pods that all others stand on."""

import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

FOUNDATION = "platform-foundation"
"""Priority class of Consul, Vault, Traefik and Concourse's web nodes. If a node is lost and there is not room
for everything, these get a place and others wait."""


def priority_class(opts: ResourceOptions) -> Output[str]:
    """Create the priority class; its name, known once it exists."""
    made = k8s.scheduling.v1.PriorityClass(
        FOUNDATION,
        metadata={"name": FOUNDATION},
        value=1_000_000,
        description="What the rest of the platform stands on",
        opts=opts,
    )
    name: Output[str] = made.metadata.name
    return name
