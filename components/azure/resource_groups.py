"""The two resource groups of a stack: one for stateful and one for re-creatable resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.azure.arm_id import ArmId
from components.component import Component


class CommonArgs(TypedDict):
    """Arguments common to most Azure resources."""

    resource_group_name: Input[str]
    location: str
    tags: Mapping[str, Input[str]]


@dataclass(frozen=True)
class AzureContext:
    """Resource group, region and tags of Azure resources, and whether they are protected."""

    group: Input[str]
    """The resource group's name."""
    location: str
    tags: Mapping[str, str]
    protected: bool
    """Protects resources that hold data from deletion and replacement."""

    @property
    def common(self) -> CommonArgs:
        """Common arguments for a resource in this context."""
        return {"resource_group_name": self.group, "location": self.location, "tags": self.tags}


class ResourceGroups(Component):
    """The stack's resource groups, each with its AzureContext."""

    stateful: AzureContext
    """For stateful resources: databases, disks, addresses, keys. Outlives the cluster."""
    compute: AzureContext
    """For resources that a deployment can re-create: network and cluster."""
    stateful_id: Output[str]
    """ID of the stateful group, as a scope for role assignments."""

    def __init__(
        self,
        name: str,
        *,
        location: str,
        tags: Mapping[str, str],
        protected: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)

        def resource_group(purpose: str, *, protect: bool) -> tuple[AzureContext, Output[str]]:
            group = az.resources.ResourceGroup(
                purpose,
                location=location,
                tags=tags,
                opts=ResourceOptions(parent=self, protect=protect),
            )
            # From the ID: otherwise a changed tag would show every resource in the group as changed.
            return AzureContext(ArmId(group.id).name, location, tags, protected), group.id

        self.stateful, self.stateful_id = resource_group("stateful", protect=protected)
        self.compute, _ = resource_group("compute", protect=False)
        self.register_outputs({"stateful": self.stateful.group, "compute": self.compute.group})
