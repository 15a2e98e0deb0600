"""The kinds of disk that pods may ask for."""

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.azure.catalog import zones
from components.azure.resource_groups import AzureContext
from components.azure.roles import Role, grant
from components.component import Component, after

PROVISIONER = "disk.csi.azure.com"
WAIT = "WaitForFirstConsumer"
"""A disk is made where its pod is, and not in a zone that the pod may not run in."""


class StorageClasses(Component):
    """`retain` for what holds data, `scratch` for what can be made again."""

    retain: Output[str]
    """In the stateful group, in all zones, and kept when its claim goes: by hand alone is it deleted."""
    scratch: Output[str]
    """Beside the node, and gone with its claim."""

    def __init__(
        self,
        name: str,
        *,
        context: AzureContext,
        group: Output[str],
        user: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`group` is the id of the stateful group, `user` the principal of the cluster's own identity."""
        super().__init__(name, opts)
        # It makes disks there. This is the narrowest of Azure's roles that may.
        disks = grant(
            f"{name}-disks", Role.VIRTUAL_MACHINE_CONTRIBUTOR, principal=user, scope=group, parent=self
        )
        copies = "ZRS" if zones(context.location) else "LRS"
        retain = k8s.storage.v1.StorageClass(
            "retain",
            metadata={"name": "retain"},
            provisioner=PROVISIONER,
            parameters={
                "skuName": f"Premium_{copies}",
                # Azure deletes the cluster's own group, and all disks in it, with the cluster.
                "resourceGroup": context.group,
            },
            reclaim_policy="Retain",
            volume_binding_mode=WAIT,
            allow_volume_expansion=True,
            opts=self.child,
        )
        scratch = k8s.storage.v1.StorageClass(
            "scratch",
            metadata={"name": "scratch"},
            provisioner=PROVISIONER,
            parameters={"skuName": "Premium_LRS"},
            reclaim_policy="Delete",
            volume_binding_mode=WAIT,
            allow_volume_expansion=True,
            opts=self.child,
        )
        self.retain = after(retain.metadata.name, disks.id)
        self.scratch = scratch.metadata.name.apply(str)
        self.register_outputs({"retain": self.retain, "scratch": self.scratch})
