"""The two resource groups of a stack: what holds data, and what can be made again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import pulumi_azure_native as az
from pulumi import Input, Output, ResourceOptions

from components.component import Component


class CommonArgs(TypedDict):
    """The arguments that most of Azure's resources share."""

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
        """Arguments of a resource in this group and region, with these tags."""
        return {"resource_group_name": self.group, "location": self.location, "tags": self.tags}


class ResourceGroups(Component):
    """The stack's resource groups, each with its AzureContext."""

    stateful: AzureContext
    """For what holds data: databases, disks, addresses, keys. Outlives the cluster."""
    compute: AzureContext
    """For what a deployment can make again: network and cluster."""
    stateful_id: Output[str]
    """For giving a role on all that is in the group."""

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

        def place(purpose: str, *, protect: bool) -> tuple[AzureContext, Output[str]]:
            group = az.resources.ResourceGroup(
                purpose,
                location=location,
                tags=tags,
                opts=ResourceOptions(parent=self, protect=protect),
            )
            # From the id: it alone is known in the preview of an update, where otherwise a changed
            # tag would show all that is in the group as changed.
            called: Output[str] = group.id.apply(lambda id_: id_.rpartition("/")[2])
            return AzureContext(called, location, tags, protected), group.id

        self.stateful, self.stateful_id = place("stateful", protect=protected)
        self.compute, _ = place("compute", protect=False)
        self.register_outputs({"stateful": self.stateful.group, "compute": self.compute.group})
